//! The records of streams. The embedded DynamoDB keeps them for ever, and without an index, so that every
//! write would look through all of them. Here they get an index, and go once they were delivered.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::Database;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::{GetShardIteratorRequest, decode_shard_iterator};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::template::{LOCAL_REGION, stream_arn};

/// How long to wait for the embedded DynamoDB, which writes to the same file.
const PATIENCE: Duration = Duration::from_secs(5);

const INDEX: &str = "CREATE INDEX IF NOT EXISTS _stream_records_in_order \
     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// The last record stays: the next one is numbered after it.
const FORGET: &str = "DELETE FROM _stream_records \
     WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < ?2";

/// How many records are read at once: as many as DynamoDB gives.
const READ_AT_ONCE: usize = 1_000;

pub(crate) type FieldError = Box<dyn Error + Send + Sync>;

/// The records of the streams of an embedded DynamoDB.
#[derive(Clone)]
pub(crate) struct StreamRecords {
    pub(crate) database: Database,
    /// Where it keeps them; `None` for one in memory, which forgets nothing.
    pub(crate) file: Option<PathBuf>,
}

impl StreamRecords {
    /// The records of a database that is kept in `file`.
    pub(crate) fn index(database: Database, file: &Path) -> Result<Self, FieldError> {
        connect(file)?.execute(INDEX, [])?;
        let file = Some(file.to_owned());
        Ok(Self { database, file })
    }

    /// The next records of a table's stream as Lambda writes them: those after the one with the sequence number
    /// `position`, or from the beginning on.
    pub(crate) fn read(
        &self,
        table: &str,
        position: Option<String>,
    ) -> Result<Vec<Value>, FieldError> {
        let request = GetRecordsRequest {
            shard_iterator: self.iterator(table, position)?,
            limit: Some(READ_AT_ONCE),
        };
        let answer = self.database.get_records(request)?;
        let records = answer.records.into_iter().map(|record| {
            let mut record = serde_json::to_value(record)?;
            if let Some(members) = record.as_object_mut() {
                members.insert("awsRegion".to_owned(), json!(LOCAL_REGION));
                members.insert("eventSourceARN".to_owned(), json!(stream_arn(table)));
            }
            Ok(record)
        });
        records.collect()
    }

    /// Removes the records of a table's stream before the one with this sequence number.
    pub(crate) fn forget_before(&self, table: &str, position: String) -> Result<(), FieldError> {
        if let Some(file) = &self.file {
            let iterator = self.iterator(table, Some(position))?;
            let (_, _, stored) = decode_shard_iterator(&iterator).ok_or("no iterator")?;
            connect(file)?.execute(FORGET, (table, stored))?;
        }
        Ok(())
    }

    fn iterator(&self, table: &str, position: Option<String>) -> Result<String, FieldError> {
        let from = match position {
            Some(_) => "AFTER_SEQUENCE_NUMBER",
            None => "TRIM_HORIZON",
        };
        let answer = self.database.get_shard_iterator(GetShardIteratorRequest {
            stream_arn: stream_arn(table),
            shard_id: dynoxide::streams::shard_id(table),
            shard_iterator_type: from.to_owned(),
            sequence_number: position,
        })?;
        Ok(answer.shard_iterator.ok_or("the stream has no iterator")?)
    }
}

fn connect(file: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}
