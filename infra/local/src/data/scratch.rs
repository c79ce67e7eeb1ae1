//! A directory for data that nobody keeps.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

const PREFIX: &str = "bestow-";
/// In each such directory, locked as long as its cloud lives: the operating system unlocks it, however that
/// ends. A data directory has no file of this name.
const LOCK: &str = "scratch.lock";

/// A directory that goes with this value. Where the process is killed first, the next cloud removes it.
pub(crate) struct Scratch {
    directory: TempDir,
    _lock: File,
}

impl Scratch {
    /// In memory, where the system has a place for that. The database itself can be in memory too, but then
    /// nobody else can remove what it never forgets.
    pub(crate) fn new() -> io::Result<Self> {
        let in_memory = Self::within(Path::new("/dev/shm"));
        in_memory.or_else(|_| Self::within(&std::env::temp_dir()))
    }

    fn within(parent: &Path) -> io::Result<Self> {
        remove_orphans(parent)?;
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // Locked before it has its name, so that nobody finds it unlocked.
        let unlocked = directory.path().join("unlocked");
        let lock = File::create(&unlocked)?;
        lock.lock()?;
        fs::rename(unlocked, directory.path().join(LOCK))?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes what clouds have left that were killed.
fn remove_orphans(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)?.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // What cannot be opened has no lock, or belongs to somebody else.
        let Some(lock) = is_ours
            .then(|| File::open(entry.path().join(LOCK)).ok())
            .flatten()
        else {
            continue;
        };
        if lock.try_lock().is_ok()
            && let Err(fault) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %fault, "what a killed cloud left cannot be removed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_cloud_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let living = Scratch::within(parent.path()).unwrap();
        // A process that is killed loses its locks and removes nothing.
        let Scratch {
            directory,
            _lock: lock,
        } = Scratch::within(parent.path()).unwrap();
        let left = directory.keep();
        drop(lock);
        let somebody_elses = parent.path().join("bestow-data");
        fs::create_dir(&somebody_elses).unwrap();

        let next = Scratch::within(parent.path()).unwrap();
        assert!(!left.exists());
        for kept in [living.path(), &somebody_elses, next.path()] {
            assert!(kept.exists(), "{}", kept.display());
        }
        let path = next.path().to_owned();
        drop(next);
        assert!(!path.exists());
    }
}
