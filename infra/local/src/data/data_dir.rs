//! What outlives a run: the data directory, or nothing at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where the local cloud keeps its tables, queues, keys and secrets.
#[derive(Debug)]
pub(crate) enum DataDir {
    /// In memory; gone with the process.
    Memory,
    /// In a directory that this process alone uses as long as this value lives.
    Directory {
        path: PathBuf,
        /// Locked, and unlocked by the operating system when the process ends, however it ends.
        _lock: File,
    },
}

/// A data directory that cannot be used. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The directory or a file in it cannot be made or written.
    #[error(
        "cannot write to {path}: {reason}. Make it writable, or choose another data directory with \
         --data-dir DIR"
    )]
    NotWritable {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// Another process holds the lock.
    #[error(
        "another local cloud is running on the data directory {path}. Stop it (Ctrl-C in its \
         terminal), choose another directory with --data-dir DIR, or keep nothing with --ephemeral"
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file in it is not what the local cloud wrote there.
    #[error(
        "cannot read {path}: {reason}. If its content is not needed any more, delete it and a new \
         one is made"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl DataDir {
    /// Makes the directory where it is missing, for its owner alone, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        create_private_dir(path)?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|reason| not_writable(&lock_path, reason))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self::Directory {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(reason)) => Err(not_writable(&lock_path, reason)),
        }
    }

    /// The directory, unless everything is in memory.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Directory { path, .. } => Some(path),
        }
    }

    /// The text in the file `name`, which `make` makes the first time and only its owner can read.
    pub(crate) fn text<E: From<DataDirError>>(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<String, E>,
    ) -> Result<String, E> {
        match self.path() {
            None => make(),
            Some(directory) => kept_text(&directory.join(name), make),
        }
    }

    /// Writes the file `name`, for its owner alone.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), DataDirError> {
        match self.path() {
            None => Ok(()),
            Some(directory) => write_private(&directory.join(name), text),
        }
    }

    /// Removes the file `name`, if it can be.
    pub(crate) fn remove(&self, name: &str) {
        if let Some(directory) = self.path() {
            let _ = fs::remove_file(directory.join(name));
        }
    }

    /// Reads the JSON file `name` (`T::default()` where there is none), lets `change` change it, and
    /// writes it back.
    pub(crate) fn json<T>(&self, name: &str, change: impl FnOnce(&mut T)) -> Result<T, DataDirError>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let path = self.path().map(|directory| directory.join(name));
        let text = path.as_deref().map(read).transpose()?.flatten();
        let mut value = match (&path, text) {
            (Some(path), Some(text)) => {
                serde_json::from_str(&text).map_err(|fault| corrupt(path, fault))?
            }
            _ => T::default(),
        };
        change(&mut value);
        if let Some(path) = path {
            let text =
                serde_json::to_string_pretty(&value).map_err(|fault| corrupt(&path, fault))?;
            write_private(&path, &text)?;
        }
        Ok(value)
    }
}

/// The text in a file; `None` where there is none.
fn read(path: &Path) -> Result<Option<String>, DataDirError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(corrupt(path, fault)),
    }
}

/// The text in a file, which `make` makes the first time and only its owner can read.
pub(crate) fn kept_text<E: From<DataDirError>>(
    path: &Path,
    make: impl FnOnce() -> Result<String, E>,
) -> Result<String, E> {
    if let Some(text) = read(path)? {
        return Ok(text);
    }
    let text = make()?;
    write_private(path, &text)?;
    Ok(text)
}

/// Makes a directory that only its owner can look into; one that is there already stays as it is.
pub(crate) fn create_private_dir(path: &Path) -> Result<(), DataDirError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|reason| not_writable(path, reason))
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), DataDirError> {
    let write = || {
        let unfinished = path.with_added_extension("new");
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    };
    write().map_err(|reason| not_writable(path, reason))
}

fn not_writable(path: &Path, reason: io::Error) -> DataDirError {
    DataDirError::NotWritable {
        path: path.to_owned(),
        reason,
    }
}

fn corrupt(path: &Path, reason: impl ToString) -> DataDirError {
    DataDirError::Corrupt {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_serves_one_cloud_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = DataDir::open(directory.path()).unwrap();
        let fault = DataDir::open(directory.path()).unwrap_err();
        assert!(matches!(fault, DataDirError::InUse { .. }), "{fault}");
        assert!(fault.to_string().contains("--data-dir"), "{fault}");
        drop(first);
        DataDir::open(directory.path()).unwrap();
    }

    #[test]
    fn a_path_that_is_a_file_is_refused_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let fault = DataDir::open(&file).unwrap_err().to_string();
        assert!(
            fault.contains("file") && fault.contains("--data-dir"),
            "{fault}"
        );
    }

    #[test]
    fn what_was_made_once_is_kept_for_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(&directory.path().join("deep/data")).unwrap();
        let make = |text: &'static str| move || Ok::<_, DataDirError>(text.to_owned());
        assert_eq!(data.text("key", make("first")).unwrap(), "first");
        assert_eq!(data.text("key", make("second")).unwrap(), "first");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(data.path().unwrap().join("key")), 0o600);
            assert_eq!(mode(data.path().unwrap().to_owned()), 0o700);
        }
    }

    #[test]
    fn a_damaged_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        fs::write(directory.path().join("secrets.json"), "{").unwrap();
        let fault = data
            .json::<Vec<String>>("secrets.json", |_| {})
            .unwrap_err();
        assert!(fault.to_string().contains("secrets.json"), "{fault}");
    }
}
