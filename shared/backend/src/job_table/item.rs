//! How jobs and chunks stand in the table.

use std::collections::HashMap;

use aws::CallError;
use aws::erasure::{ERASE_AT, ERASE_SHARD, ERASE_SHARDS};
use aws::item::{Item, Malformed, keys, malformed, number, parsed, parsed_number, string, text};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jobs::ports::JobsError;
use jobs::{Chunk, ChunkId, ChunkProgress, Job};
use uuid::Uuid;

pub(super) const CHUNK_PREFIX: &str = "chunk#";
const JOB_PREFIX: &str = "job#";

/// The lines, with their claims, and with them what is only there as long as they are. `#lines` stands for the
/// attribute `lines`, whose name is a reserved word.
pub(super) const REMOVE_LINES: &str = "REMOVE #lines, is_open, erase_shard, erase_at_seconds";

pub(super) fn job_pk(id: Uuid) -> String {
    format!("{JOB_PREFIX}{id}")
}

pub(super) fn chunk_sk(first_line: u32) -> String {
    format!("{CHUNK_PREFIX}{first_line:08}")
}

pub(super) fn job_key(id: Uuid) -> Item {
    keys(job_pk(id), "job")
}

pub(super) fn chunk_key(id: ChunkId) -> Item {
    keys(job_pk(id.job_id), chunk_sk(id.first_line))
}

pub(super) fn key_key(name: &str) -> Item {
    keys(format!("key#{name}"), "key")
}

pub(super) fn of_job(job: &Job) -> Item {
    with(job_key(job.id), job)
}

pub(super) fn of_key(name: &str, job: &Job) -> Item {
    with(key_key(name), job)
}

fn with(mut item: Item, job: &Job) -> Item {
    item.extend(
        [
            ("job_id", string(job.id)),
            ("total", number(job.total)),
            ("accepted_at_ms", number(job.accepted_at_ms)),
            ("upload_hash", string(&job.upload_hash)),
            ("is_queued", AttributeValue::Bool(job.is_queued)),
            ("expires_at", number(job.kept_until())),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    item
}

pub(super) fn job(item: &Item) -> Result<Job, Malformed> {
    Ok(Job {
        id: parsed(item, "job_id")?,
        total: parsed_number(item, "total")?,
        accepted_at_ms: parsed_number(item, "accepted_at_ms")?,
        upload_hash: text(item, "upload_hash")?.to_owned(),
        is_queued: item.get("is_queued") == Some(&AttributeValue::Bool(true)),
    })
}

pub(super) fn of_chunk(chunk: &Chunk) -> Item {
    let mut item = chunk_key(chunk.id);
    item.extend(attributes(chunk).map(|(name, value)| (name.to_owned(), value)));
    item
}

fn attributes(chunk: &Chunk) -> impl Iterator<Item = (&'static str, AttributeValue)> {
    let binary = |bytes: &Vec<u8>| AttributeValue::B(Blob::new(bytes.clone()));
    let open = chunk.lines.as_ref();
    let erase_shard = open.map(|_| number(shard_of(chunk.id.job_id)));
    [
        ("first_line", Some(number(chunk.id.first_line))),
        ("write_id", Some(string(chunk.write_id))),
        ("line_count", Some(number(chunk.line_count))),
        ("started", Some(number(chunk.started))),
        ("failed", Some(number(chunk.failed))),
        ("start_by", Some(number(chunk.start_by))),
        ("expires_at", Some(number(chunk.kept_until))),
        ("lines", open.map(binary)),
        ("is_open", open.map(|_| AttributeValue::Bool(true))),
        (ERASE_SHARD, erase_shard),
        (ERASE_AT, chunk.erase_at_seconds().map(number)),
        ("results", chunk.results.as_ref().map(binary)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

/// The shard of a job's chunks: its id is random, so any byte of it will do.
fn shard_of(job_id: Uuid) -> u8 {
    let [.., last] = job_id.into_bytes();
    last % ERASE_SHARDS
}

/// An update of all that can change of a chunk.
pub(super) struct Change {
    pub(super) condition: &'static str,
    pub(super) expression: String,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

/// The update that makes an item the one of `after`, which has results. Lines are never put back where
/// somebody took them away.
pub(super) fn change(after: &Chunk) -> Change {
    let changing = ["write_id", "started", "failed", "lines", "results"];
    let values = attributes(after)
        .filter(|(name, _)| changing.contains(name))
        .map(|(name, value)| (format!(":{name}"), value))
        .collect();
    let (condition, lines) = if after.lines.is_some() {
        (
            "#write_id = :based_on AND attribute_exists(#lines)",
            ", #lines = :lines",
        )
    } else {
        ("#write_id = :based_on", REMOVE_LINES)
    };
    Change {
        condition,
        expression: format!(
            "SET #write_id = :write_id, #started = :started, #failed = :failed, #results = :results {lines}"
        ),
        names: changing
            .map(|name| (format!("#{name}"), name.to_owned()))
            .into(),
        values,
    }
}

pub(super) fn chunk(item: &Item) -> Result<Chunk, Malformed> {
    let binary = |name: &str| match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::B(bytes)) => Ok(Some(bytes.clone().into_inner())),
        Some(_) => Err(malformed(name, "is not binary")),
    };
    Ok(Chunk {
        id: chunk_id(item).ok_or_else(|| malformed("pk", "is not the key of a chunk"))?,
        write_id: parsed(item, "write_id")?,
        line_count: parsed_number(item, "line_count")?,
        started: parsed_number(item, "started")?,
        failed: parsed_number(item, "failed")?,
        start_by: parsed_number(item, "start_by")?,
        kept_until: parsed_number(item, "expires_at")?,
        lines: binary("lines")?,
        results: binary("results")?,
    })
}

/// Also of an entry of the index.
pub(super) fn progress(item: &Item) -> Result<ChunkProgress, Malformed> {
    Ok(ChunkProgress {
        id: chunk_id(item).ok_or_else(|| malformed("pk", "is not the key of a chunk"))?,
        line_count: parsed_number(item, "line_count")?,
        started: parsed_number(item, "started")?,
        failed: parsed_number(item, "failed")?,
        is_open: item.contains_key("is_open"),
    })
}

/// The chunk in an item's key, which is also in every index.
pub(super) fn chunk_id(item: &Item) -> Option<ChunkId> {
    let key = |name, prefix| item.get(name)?.as_s().ok()?.strip_prefix(prefix);
    Some(ChunkId {
        job_id: key("pk", JOB_PREFIX)?.parse().ok()?,
        first_line: key("sk", CHUNK_PREFIX)?.parse().ok()?,
    })
}

/// About how many bytes an item has.
pub(super) fn size(item: &Item) -> usize {
    let values = item.values().map(|value| match value {
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 40,
    });
    values.sum()
}

/// The port's error for an item that is not what we write.
pub(super) fn unreadable(malformed: Malformed) -> JobsError {
    JobsError(Box::new(CallError::from(malformed)))
}
