//! The table of jobs: uploads of many issuances.
//!
//! | `pk` | `sk` | |
//! |---|---|---|
//! | `job#{job_id}` | `job` | a job that was accepted |
//! | `job#{job_id}` | `chunk#{first_line}` | some of its lines, in eight digits so that they sort |
//! | `key#{name}` | `key` | the job that was accepted under an idempotency key |
//!
//! A local index, `progress`, has what readers of the progress need of the chunks. It is as consistent as the table, and
//! does not grow with what the chunks hold. A chunk that still has lines is also in an index by the time at which these
//! are to be erased: see [`JobTable::lines_due`].

mod erasure;
mod item;

use aws_sdk_dynamodb::types::AttributeValue;
use bestow_aws::Dynamodb;
use bestow_aws::item::{self as items, Item, MalformedItemError, number, string};
use bestow_aws::{CallError, Table, Transacted, Write, Written};
use bestow_issuance::ports::Cause;
use bestow_jobs::ports::{Jobs, JobsError, Replaced};
use bestow_jobs::{Chunk, ChunkId, ChunkProgress, Job};
use uuid::Uuid;

pub use erasure::LINES_TO_ERASE;

/// The name of the index.
const PROGRESS: &str = "progress";

/// The table of jobs.
#[derive(Debug, Clone)]
pub struct JobTable(Table);

impl JobTable {
    /// The table called `name`.
    pub fn new(client: Dynamodb, name: &str) -> Self {
        Self(Table::new(client, name))
    }

    async fn stored_job(&self, key: Item) -> Result<Option<Job>, JobsError> {
        let found = self.0.get(key).await.map_err(failed)?;
        found.map(items::read).transpose().map_err(unreadable)
    }
}

impl Jobs for JobTable {
    async fn keep(&self, chunks: &[Chunk]) -> Result<(), JobsError> {
        let items: Result<_, _> = chunks.iter().map(item::of_chunk).collect();
        self.0
            .put_many(items.map_err(failed)?)
            .await
            .map_err(failed)
    }

    async fn accept(&self, job: &Job, key: Option<&str>) -> Result<Option<Job>, JobsError> {
        let put = |key| item::of_job(key, job).map(Write::put).map_err(failed);
        let put_job = put(item::job_key(job.id))?;
        let Some(key) = key else {
            // Its name is random, so what is there is our own write, whose answer was lost.
            let stored = self.0.write(put_job.if_absent()).await;
            return stored.map(|_| None).map_err(failed);
        };
        let under_key = put(item::key_key(key))?
            .only_if("attribute_not_exists(pk) OR expires_at <= :now")
            .value(":now", number(job.accepted_at.as_second()));
        match self
            .0
            .transact([put_job, under_key])
            .await
            .map_err(failed)?
        {
            Transacted::Done => Ok(None),
            Transacted::Refused { item, .. } => {
                let known = items::read(item.unwrap_or_default());
                known.map(Some).map_err(unreadable)
            }
        }
    }

    async fn by_key(&self, key: &str) -> Result<Option<Job>, JobsError> {
        self.stored_job(item::key_key(key)).await
    }

    async fn job(&self, id: Uuid) -> Result<Option<Job>, JobsError> {
        self.stored_job(item::job_key(id)).await
    }

    async fn mark_queued(&self, id: Uuid) -> Result<(), JobsError> {
        let mark = Write::update(item::job_key(id), "SET is_queued = :true")
            .only_if("attribute_exists(pk)")
            .value(":true", AttributeValue::Bool(true));
        match self.0.write(mark).await.map_err(failed)? {
            Written::Done(_) => Ok(()),
            Written::Refused(_) => Err(failed("the job is not there")),
        }
    }

    async fn discard(&self, id: Uuid) -> Result<(), JobsError> {
        let values = [
            (":pk", string(item::job_pk(id))),
            (":chunk", string(item::CHUNK)),
        ];
        let keys = self.0.query("pk = :pk AND begins_with(sk, :chunk)", values);
        let keys = self.0.all_items(keys.projection_expression("pk, sk")).await;
        let deleted = self.0.delete_many(keys.map_err(failed)?).await;
        deleted.map_err(failed)
    }

    async fn chunk(&self, id: ChunkId) -> Result<Option<Chunk>, JobsError> {
        let found = self.0.get(item::chunk_key(id)).await.map_err(failed)?;
        found.map(item::chunk).transpose().map_err(unreadable)
    }

    async fn replace(&self, based_on: Uuid, after: &Chunk) -> Result<Replaced, JobsError> {
        let change = item::change(after).map_err(failed)?;
        let change = change.value(":based_on", string(based_on));
        // Lines that were erased are never put back.
        let change = match after.lines {
            Some(_) => change.only_if("#write_id = :based_on AND attribute_exists(#lines)"),
            None => change.only_if("#write_id = :based_on"),
        };
        match self.0.write(change).await.map_err(failed)? {
            Written::Done(_) => Ok(Replaced::Done),
            Written::Refused(existing) => {
                let existing = existing.map(item::chunk).transpose();
                Ok(Replaced::instead_of(after, existing.map_err(unreadable)?))
            }
        }
    }

    async fn progress(&self, id: Uuid) -> Result<Vec<ChunkProgress>, JobsError> {
        let values = [(":pk", string(item::job_pk(id)))];
        let chunks = self.0.query("pk = :pk", values).index_name(PROGRESS);
        let chunks = self.0.all_items(chunks).await.map_err(failed)?;
        let progress = chunks.into_iter().map(item::progress);
        progress.collect::<Result<_, _>>().map_err(unreadable)
    }

    async fn chunks_from(
        &self,
        id: Uuid,
        from_line: u32,
    ) -> Result<(Vec<Chunk>, Option<u32>), JobsError> {
        let values = [
            (":pk", string(item::job_pk(id))),
            (":from", string(item::chunk_sk(from_line))),
            (":last", string(item::chunk_sk(99_999_999))),
        ];
        let query = self
            .0
            .query("pk = :pk AND sk BETWEEN :from AND :last", values);
        let page = self.0.page(query).await.map_err(failed)?;
        let items = page.items.unwrap_or_default().into_iter();
        let chunks: Result<Vec<_>, _> = items.map(item::chunk).collect();
        let chunks = chunks.map_err(unreadable)?;
        let next = match (page.last_evaluated_key, chunks.last()) {
            (Some(_), Some(last)) => Some(last.id.first_line.saturating_add(1)),
            _ => None,
        };
        Ok((chunks, next))
    }
}

fn failed(fault: impl Into<Cause>) -> JobsError {
    JobsError(fault.into())
}

fn unreadable(fault: MalformedItemError) -> JobsError {
    failed(CallError::from(fault))
}
