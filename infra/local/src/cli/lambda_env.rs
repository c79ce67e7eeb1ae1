//! The environment for functions that run in `cargo lambda watch`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use crate::RunningCloud;
use crate::data_dir::{create_private_dir, write_private};

/// Where the workspace's `[workspace.metadata.lambda.watch]` looks for it, in the data directory.
const FILE: &str = "lambda.env";

/// The environment cannot be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot write the functions' environment to {path}: {reason}. Make it writable, or choose \
     another data directory with --data-dir DIR"
)]
pub(super) struct CannotWrite {
    path: PathBuf,
    reason: io::Error,
}

/// Writes the variables of all functions to one file, which both a shell and cargo lambda read, and
/// says where it is. It holds secrets, so only its owner can read it.
pub(super) fn write(cloud: &RunningCloud, data_dir: &Path) -> Result<PathBuf, CannotWrite> {
    let path = data_dir.join(FILE);
    create_private_dir(data_dir)
        .and_then(|()| write_private(&path, &text(&variables(cloud))))
        .map_err(|reason| CannotWrite {
            path: path.clone(),
            reason,
        })?;
    Ok(path)
}

/// The variables of all functions: a name has the same value wherever it is set.
fn variables(cloud: &RunningCloud) -> BTreeMap<&str, &str> {
    cloud
        .function_names()
        .filter_map(|name| cloud.function_environment(name))
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// `export NAME='value'` lines. Values may have several lines (keys and certificates in PEM do).
fn text(variables: &BTreeMap<&str, &str>) -> String {
    let mut text = String::new();
    for (name, value) in variables {
        // The two readers agree on no escape for a quote within quotes of its own kind.
        let quote = if value.contains('\'') { '"' } else { '\'' };
        let _ = writeln!(text, "export {name}={quote}{value}{quote}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_written() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n";
        let variables = BTreeMap::from([("EMPTY", ""), ("KEY", pem), ("QUOTED", "it's")]);
        let script = format!(
            "{}printf '%s|' \"$EMPTY\" \"$KEY\" \"$QUOTED\"",
            text(&variables)
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        assert_eq!(read, format!("|{pem}|it's|"));
    }
}
