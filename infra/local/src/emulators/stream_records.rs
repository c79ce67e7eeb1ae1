//! The records of streams as the embedded DynamoDB keeps them: for ever, and without an index, so that every
//! write would look through all of them. Here they get an index, and go once they were delivered.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

/// How long to wait for the embedded DynamoDB, which writes to the same file.
const PATIENCE: Duration = Duration::from_secs(5);

const INDEX: &str = "CREATE INDEX IF NOT EXISTS _stream_records_in_order \
     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";
/// The last record stays: the next one is numbered after it.
const FORGET: &str = "DELETE FROM _stream_records \
     WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < ?2";

/// The stream records in the file of an embedded DynamoDB.
#[derive(Debug, Clone)]
pub(crate) struct StreamRecords {
    file: PathBuf,
}

impl StreamRecords {
    /// The records in this file, which the embedded DynamoDB has opened.
    pub(crate) fn index(file: &Path) -> Result<Self, rusqlite::Error> {
        let records = Self {
            file: file.to_owned(),
        };
        records.connect()?.execute(INDEX, [])?;
        Ok(records)
    }

    /// Removes the records of a table's stream before this position.
    pub(crate) fn forget_before(&self, table: &str, position: i64) -> Result<(), rusqlite::Error> {
        let forgotten = self.connect()?.execute(FORGET, (table, position));
        forgotten.map(drop)
    }

    fn connect(&self) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open(&self.file)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    }
}
