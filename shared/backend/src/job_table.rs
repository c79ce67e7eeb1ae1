//! The table of jobs: uploads of many issuances.
//!
//! | `pk` | `sk` | |
//! |---|---|---|
//! | `job#{job_id}` | `job` | a job that was accepted |
//! | `job#{job_id}` | `chunk#{first_line}` | some of its lines, in eight digits so that they sort |
//! | `key#{name}` | `key` | the job that was accepted under an idempotency key |
//!
//! Of the chunks a local index, `progress`, has what readers of the progress need. It can be read as
//! consistently as the table, and does not grow with what the chunks hold. A chunk that still has lines stands
//! in another index besides, by the time at which these are to be erased: see [`JobTable::lines_due`].

mod erasure;
mod item;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, Put, PutRequest, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, WriteRequest,
};
use futures::{StreamExt, TryStreamExt, stream};
use jobs::ports::{Acceptance, Jobs, JobsError, Replaced};
use jobs::{Chunk, ChunkId, ChunkProgress, Job};
use uuid::Uuid;

pub use erasure::LINES_TO_ERASE;

use aws::CallError;
use aws::conflicts::despite_conflicts;
use aws::item::{Item, number, string};
use aws::pause::Pause;

/// The most items of one BatchWriteItem, and how many bytes of them are sent together. A job is one
/// partition, which takes about 1 MB a second: what is too much for it is sent again.
const BATCH_ITEMS: usize = 25;
const BATCH_BYTES: usize = 250_000;
/// How many batches are under way at a time.
const BATCHES: usize = 4;
/// How often the rest of a batch is sent again that DynamoDB left out, and how long to wait before the
/// first time. Together about six seconds.
const BATCH_REPEATS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The name of the index.
const PROGRESS: &str = "progress";

/// The table of jobs.
#[derive(Debug, Clone)]
pub struct JobTable {
    client: Client,
    name: String,
}

impl JobTable {
    /// The table called `name`.
    pub fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }

    async fn item(&self, key: Item) -> Result<Option<Item>, JobsError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed)?;
        Ok(answer.item)
    }

    /// Sends all of these, however many.
    async fn write_all(&self, requests: Vec<WriteRequest>) -> Result<(), JobsError> {
        stream::iter(batches(requests))
            .map(|batch| self.write_batch(batch))
            .buffer_unordered(BATCHES)
            .try_collect()
            .await
    }

    async fn write_batch(&self, mut batch: Vec<WriteRequest>) -> Result<(), JobsError> {
        let mut pause = Pause::of(FIRST_PAUSE);
        for repeat in 0..=BATCH_REPEATS {
            let sent = self
                .client
                .batch_write_item()
                .request_items(&self.name, batch.clone())
                .send()
                .await;
            batch = match sent {
                Ok(answer) => answer
                    .unprocessed_items
                    .and_then(|mut tables| tables.remove(&self.name))
                    .unwrap_or_default(),
                Err(fault) => match fault.as_service_error() {
                    // All of it was left out.
                    Some(BatchWriteItemError::ProvisionedThroughputExceededException(_)) => batch,
                    _ => return Err(failed(fault)),
                },
            };
            if batch.is_empty() {
                return Ok(());
            }
            if repeat < BATCH_REPEATS {
                pause.wait().await;
            }
        }
        Err(unexpected("items were left out of a batch again and again"))
    }

    async fn accept_alone(&self, job: &Job) -> Result<Acceptance, JobsError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item::of_job(job)))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Acceptance::Accepted),
            Err(fault) => match fault.as_service_error() {
                // Its name is random, so what is there is our own write, whose answer was lost.
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Acceptance::Accepted),
                _ => Err(failed(fault)),
            },
        }
    }

    /// Both items in one transaction. A repeat of it by the SDK has the same token, and is not done twice. Of two
    /// at the same time under the same key, DynamoDB refuses one for the other's sake: sent again, it finds the other.
    async fn accept_under(&self, job: &Job, key: &str) -> Result<Acceptance, JobsError> {
        let put = |item: Item| Put::builder().table_name(&self.name).set_item(Some(item));
        let job_item = put(item::of_job(job)).build().map_err(unbuildable)?;
        let key_item = put(item::of_key(key, job))
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", number(job.accepted_at_ms.div_euclid(1_000)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(unbuildable)?;
        let items = [job_item, key_item].map(|put| TransactWriteItem::builder().put(put).build());
        let transaction = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items.into()));
        let Err(fault) = despite_conflicts(|| transaction.clone().send()).await else {
            return Ok(Acceptance::Accepted);
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            fault.as_service_error()
            && let Some(existing) = cancelled
                .cancellation_reasons()
                .iter()
                .find_map(|reason| reason.item())
        {
            return Ok(Acceptance::Known(
                item::job(existing).map_err(item::unreadable)?,
            ));
        }
        Err(failed(fault))
    }
}

impl Jobs for JobTable {
    async fn keep(&self, chunks: &[Chunk]) -> Result<(), JobsError> {
        let requests = chunks
            .iter()
            .map(|chunk| {
                let put = PutRequest::builder()
                    .set_item(Some(item::of_chunk(chunk)))
                    .build()
                    .map_err(unbuildable)?;
                Ok(WriteRequest::builder().put_request(put).build())
            })
            .collect::<Result<_, JobsError>>()?;
        self.write_all(requests).await
    }

    async fn accept(&self, job: &Job, key: Option<&str>) -> Result<Acceptance, JobsError> {
        match key {
            None => self.accept_alone(job).await,
            Some(key) => self.accept_under(job, key).await,
        }
    }

    async fn by_key(&self, key: &str) -> Result<Option<Job>, JobsError> {
        let found = self.item(item::key_key(key)).await?;
        found
            .map(|found| item::job(&found).map_err(item::unreadable))
            .transpose()
    }

    async fn job(&self, id: Uuid) -> Result<Option<Job>, JobsError> {
        let found = self.item(item::job_key(id)).await?;
        found
            .map(|found| item::job(&found).map_err(item::unreadable))
            .transpose()
    }

    async fn mark_queued(&self, id: Uuid) -> Result<(), JobsError> {
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(item::job_key(id)))
            .condition_expression("attribute_exists(pk)")
            .update_expression("SET is_queued = :true")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .send()
            .await
            .map(|_| ())
            .map_err(failed)
    }

    async fn discard(&self, id: Uuid) -> Result<(), JobsError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :chunk)")
            .expression_attribute_values(":pk", string(item::job_pk(id)))
            .expression_attribute_values(":chunk", string(item::CHUNK_PREFIX))
            .projection_expression("pk, sk")
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut requests = Vec::new();
        while let Some(page) = pages.next().await {
            for key in page.map_err(failed)?.items.unwrap_or_default() {
                let delete = DeleteRequest::builder()
                    .set_key(Some(key))
                    .build()
                    .map_err(unbuildable)?;
                requests.push(WriteRequest::builder().delete_request(delete).build());
            }
        }
        self.write_all(requests).await
    }

    async fn chunk(&self, id: ChunkId) -> Result<Option<Chunk>, JobsError> {
        let found = self.item(item::chunk_key(id)).await?;
        found
            .map(|found| item::chunk(&found).map_err(item::unreadable))
            .transpose()
    }

    async fn replace(&self, based_on: Uuid, after: &Chunk) -> Result<Replaced, JobsError> {
        let change = item::change(after);
        let sent = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(item::chunk_key(after.id)))
            .condition_expression(change.condition)
            .update_expression(change.expression)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .expression_attribute_values(":based_on", string(based_on))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(fault) = sent else {
            return Ok(Replaced::Done);
        };
        match fault.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let existing = failed
                    .item()
                    .map(item::chunk)
                    .transpose()
                    .map_err(item::unreadable)?;
                Ok(Replaced::instead_of(after, existing))
            }
            _ => Err(failed(fault)),
        }
    }

    async fn progress(&self, id: Uuid) -> Result<Vec<ChunkProgress>, JobsError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(PROGRESS)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string(item::job_pk(id)))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut chunks = Vec::new();
        while let Some(page) = pages.next().await {
            for entry in page.map_err(failed)?.items.unwrap_or_default() {
                chunks.push(item::progress(&entry).map_err(item::unreadable)?);
            }
        }
        Ok(chunks)
    }

    async fn chunks_from(
        &self,
        id: Uuid,
        from_line: u32,
    ) -> Result<(Vec<Chunk>, Option<u32>), JobsError> {
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :last")
            .expression_attribute_values(":pk", string(item::job_pk(id)))
            .expression_attribute_values(":from", string(item::chunk_sk(from_line)))
            .expression_attribute_values(":last", string(item::chunk_sk(99_999_999)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed)?;
        let items = answer.items.unwrap_or_default();
        let chunks: Vec<Chunk> = items
            .iter()
            .map(item::chunk)
            .collect::<Result<_, _>>()
            .map_err(item::unreadable)?;
        let next = match (&answer.last_evaluated_key, chunks.last()) {
            (Some(_), Some(last)) => Some(last.id.first_line.saturating_add(1)),
            _ => None,
        };
        Ok((chunks, next))
    }
}

/// Requests in the order that they came, as many together as may be.
fn batches(requests: Vec<WriteRequest>) -> Vec<Vec<WriteRequest>> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0_usize);
    for request in requests {
        let size = request
            .put_request()
            .map_or(0, |put| item::size(put.item()));
        if batch.len() == BATCH_ITEMS
            || (!batch.is_empty() && bytes.saturating_add(size) > BATCH_BYTES)
        {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        batch.push(request);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

fn failed<E, R>(fault: SdkError<E, R>) -> JobsError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    JobsError(Box::new(CallError::from_sdk(fault)))
}

fn unbuildable(_: aws_sdk_dynamodb::error::BuildError) -> JobsError {
    unexpected("a request lacks what it needs")
}

fn unexpected(reason: &str) -> JobsError {
    JobsError(Box::new(CallError::unexpected(reason)))
}
