//! How jobs and chunks stand in the table.

use bestow_aws::erasure::ERASE_SHARDS;
use bestow_aws::item::{self, Item, MalformedItemError, number};
use bestow_aws::{CallError, Write};
use bestow_jobs::{Chunk, ChunkId, ChunkProgress, Job};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(super) const CHUNK: &str = "chunk#";
const JOB: &str = "job#";

/// The attributes of a chunk.
#[derive(Serialize, Deserialize)]
struct ChunkItem {
    first_line: u32,
    write_id: Uuid,
    line_count: u32,
    started: u32,
    failed: u32,
    start_by: i64,
    /// Unix seconds: the table's time to live.
    expires_at: i64,
    #[serde(default, with = "serde_bytes")]
    lines: Option<Vec<u8>>,
    #[serde(default, with = "serde_bytes")]
    results: Option<Vec<u8>>,
    /// These are there as long as the lines are. The last two are the key of an index.
    is_open: Option<bool>,
    erase_shard: Option<u8>,
    erase_at_seconds: Option<i64>,
}

/// The attributes of a chunk in the index.
#[derive(Deserialize)]
struct ProgressItem {
    line_count: u32,
    started: u32,
    failed: u32,
    is_open: Option<bool>,
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
    item.insert("expires_at".to_owned(), number(job.kept_until()));
    Ok(item)
}

pub(super) fn job(item: Item) -> Result<Job, MalformedItemError> {
    item::read(item)
}

pub(super) fn of_chunk(chunk: &Chunk) -> Result<Item, CallError> {
    item::write(chunk_key(chunk.id), &attributes(chunk))
}

/// The update that makes an item the one of `after`.
pub(super) fn change(after: &Chunk) -> Result<Write, CallError> {
    let attributes = item::attributes(&attributes(after))?;
    Ok(Write::update_to(chunk_key(after.id), attributes))
}

fn attributes(chunk: &Chunk) -> ChunkItem {
    let is_open = chunk.lines.as_ref().map(|_| true);
    ChunkItem {
        first_line: chunk.id.first_line,
        write_id: chunk.write_id,
        line_count: chunk.line_count,
        started: chunk.started,
        failed: chunk.failed,
        start_by: chunk.start_by,
        expires_at: chunk.kept_until,
        lines: chunk.lines.clone(),
        results: chunk.results.clone(),
        is_open,
        erase_shard: is_open.map(|_| shard_of(chunk.id.job_id)),
        erase_at_seconds: chunk.erase_at_seconds(),
    }
}

/// The shard of a job's chunks: its id is random, so any byte of it will do.
fn shard_of(job_id: Uuid) -> u8 {
    let [.., last] = job_id.into_bytes();
    last % ERASE_SHARDS
}

pub(super) fn chunk(item: Item) -> Result<Chunk, MalformedItemError> {
    let id = chunk_id(&item).ok_or_else(no_key)?;
    let attributes: ChunkItem = item::read(item)?;
    Ok(Chunk {
        id,
        write_id: attributes.write_id,
        line_count: attributes.line_count,
        started: attributes.started,
        failed: attributes.failed,
        start_by: attributes.start_by,
        kept_until: attributes.expires_at,
        lines: attributes.lines,
        results: attributes.results,
    })
}

/// Also of an entry of the index.
pub(super) fn progress(item: Item) -> Result<ChunkProgress, MalformedItemError> {
    let id = chunk_id(&item).ok_or_else(no_key)?;
    let attributes: ProgressItem = item::read(item)?;
    Ok(ChunkProgress {
        id,
        line_count: attributes.line_count,
        started: attributes.started,
        failed: attributes.failed,
        is_open: attributes.is_open.is_some(),
    })
}

/// The chunk in an item's key, which is also in every index.
pub(super) fn chunk_id(item: &Item) -> Option<ChunkId> {
    Some(ChunkId {
        job_id: item::parsed_key(item, "pk", JOB)?,
        first_line: item::parsed_key(item, "sk", CHUNK)?,
    })
}

fn no_key() -> MalformedItemError {
    MalformedItemError::new("pk", "is not the key of a chunk")
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use aws_sdk_dynamodb::types::AttributeValue;
    use bestow_aws::item::string;

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
            accepted_at_ms: 1_000_500,
            upload_hash: "ab".to_owned(),
            is_queued: false,
        };
        let expected = [
            ("job_id", string(job.id)),
            ("total", number(60)),
            ("accepted_at_ms", number(1_000_500)),
            ("upload_hash", string("ab")),
            ("is_queued", AttributeValue::Bool(false)),
            ("expires_at", number(job.kept_until())),
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
            start_by: 3,
            kept_until: 4,
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
            ("erase_at_seconds", number(open.erase_at_seconds().unwrap())),
        ];
        let expected = with(closed, expected);
        assert_eq!(of_chunk(&open).unwrap(), expected);
        assert_eq!(super::chunk(expected).unwrap(), open);
    }
}
