//! How jobs and chunks stand in the table.

use bestow_aws::erasure::ERASE_SHARDS;
use bestow_aws::item::{self, Item, MalformedItemError, number};
use bestow_aws::{CallError, Write};
use bestow_jobs::{Chunk, ChunkId, ChunkProgress, Job};
use serde::Serialize;
use uuid::Uuid;

pub(super) const CHUNK: &str = "chunk#";
const JOB: &str = "job#";

/// The attributes of a chunk.
#[derive(Serialize)]
struct ChunkItem<'a> {
    #[serde(flatten)]
    chunk: &'a Chunk,
    first_line: u32,
    /// These are there as long as the lines are. The last two are the key of an index.
    is_open: Option<bool>,
    erase_shard: Option<u8>,
    erase_at_seconds: Option<i64>,
}

impl<'a> ChunkItem<'a> {
    fn of(chunk: &'a Chunk) -> Self {
        // A job's id is random, so any byte of it will do for its shard.
        let [.., last] = chunk.id.job_id.into_bytes();
        Self {
            chunk,
            first_line: chunk.id.first_line,
            is_open: chunk.lines.as_ref().map(|_| true),
            erase_shard: chunk.lines.as_ref().map(|_| last % ERASE_SHARDS),
            erase_at_seconds: chunk.erase_at_seconds(),
        }
    }
}

pub(super) fn job_pk(id: Uuid) -> String {
    format!("{JOB}{id}")
}

pub(super) fn chunk_sk(first_line: u32) -> String {
    format!("{CHUNK}{first_line:08}")
}

pub(super) fn job_key(id: Uuid) -> Item {
    item::key(job_pk(id), "job")
}

pub(super) fn chunk_key(id: ChunkId) -> Item {
    item::key(job_pk(id.job_id), chunk_sk(id.first_line))
}

pub(super) fn key_key(name: &str) -> Item {
    item::key(format!("key#{name}"), "key")
}

/// A job under its own key, or under an idempotency key.
pub(super) fn of_job(key: Item, job: &Job) -> Result<Item, CallError> {
    let mut item = item::write(key, job)?;
    let expires_at = number(job.kept_until().as_second());
    item.insert("expires_at".to_owned(), expires_at);
    Ok(item)
}

pub(super) fn of_chunk(chunk: &Chunk) -> Result<Item, CallError> {
    item::write(chunk_key(chunk.id), &ChunkItem::of(chunk))
}

/// The update that makes an item the one of `after`.
pub(super) fn change(after: &Chunk) -> Result<Write, CallError> {
    let attributes = item::attributes(&ChunkItem::of(after))?;
    Ok(Write::update_to(chunk_key(after.id), attributes))
}

pub(super) fn chunk(item: Item) -> Result<Chunk, MalformedItemError> {
    let id = known_id(&item)?;
    item::read(item).map(|chunk| Chunk { id, ..chunk })
}

/// Also of an entry of the index.
pub(super) fn progress(item: Item) -> Result<ChunkProgress, MalformedItemError> {
    let id = known_id(&item)?;
    item::read(item).map(|progress| ChunkProgress { id, ..progress })
}

/// The chunk in an item's key, which is also in every index.
pub(super) fn chunk_id(item: &Item) -> Option<ChunkId> {
    Some(ChunkId {
        job_id: item::parsed_key(item, "pk", JOB)?,
        first_line: item::parsed_key(item, "sk", CHUNK)?,
    })
}

fn known_id(item: &Item) -> Result<ChunkId, MalformedItemError> {
    chunk_id(item).ok_or_else(|| MalformedItemError::new("pk", "is not the key of a chunk"))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use aws_sdk_dynamodb::types::AttributeValue;
    use bestow_aws::item::string;

    use jiff::Timestamp;

    use super::*;

    fn with<const N: usize>(mut key: Item, attributes: [(&str, AttributeValue); N]) -> Item {
        key.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        key
    }

    #[test]
    fn attributes_keep_their_names_and_types() {
        let job = Job {
            id: Uuid::from_u128(9),
            total: 60,
            accepted_at: Timestamp::from_millisecond(1_000_500).unwrap(),
            upload_hash: "ab".to_owned(),
            is_queued: false,
        };
        let expected = [
            ("job_id", string(job.id)),
            ("total", number(60)),
            ("accepted_at_ms", number(1_000_500)),
            ("upload_hash", string("ab")),
            ("is_queued", AttributeValue::Bool(false)),
            ("expires_at", number(1_000 + 7 * 86_400)),
        ];
        let key = item::key("key#name", "key");
        assert_eq!(of_job(key_key("name"), &job).unwrap(), with(key, expected));

        let chunk = Chunk {
            id: ChunkId {
                job_id: job.id,
                first_line: 26,
            },
            write_id: Uuid::from_u128(7),
            line_count: 25,
            started: 1,
            failed: 2,
            start_by: Timestamp::from_second(3).unwrap(),
            kept_until: Timestamp::from_second(4).unwrap(),
            lines: None,
            results: Some(vec![8]),
        };
        let key = || item::key(format!("job#{}", job.id), "chunk#00000026");
        let closed = [
            ("first_line", number(26)),
            ("write_id", string(chunk.write_id)),
            ("line_count", number(25)),
            ("started", number(1)),
            ("failed", number(2)),
            ("start_by", number(3)),
            ("expires_at", number(4)),
            ("results", AttributeValue::B(Blob::new([8]))),
        ];
        let closed = with(key(), closed);
        assert_eq!(of_chunk(&chunk).unwrap(), closed);

        let open = Chunk {
            lines: Some(vec![7]),
            ..chunk
        };
        let expected = [
            ("lines", AttributeValue::B(Blob::new([7]))),
            ("is_open", AttributeValue::Bool(true)),
            ("erase_shard", number(9 % ERASE_SHARDS)),
            ("erase_at_seconds", number(63)),
        ];
        let expected = with(closed, expected);
        assert_eq!(of_chunk(&open).unwrap(), expected);
        assert_eq!(super::chunk(expected).unwrap(), open);
    }
}
