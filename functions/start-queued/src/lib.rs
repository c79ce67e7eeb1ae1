//! Starts issuances from a queue: the chunks of jobs, and Start-issue bodies that a pipeline sent.

use std::time::{Duration, SystemTime};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use bestow_aws::sdk::Sdk;
use bestow_backend::{JobTable, StartQueue};
use bestow_clock::OperatingSystem;
use bestow_contract::{CorrelationId, Problem, StartIssue};
use bestow_egress::Allowed;
use bestow_issuance::MAX_DELIVERIES;
use bestow_jobs::ports::StartQueue as _;
use bestow_jobs::{ChunkId, JobKeys, LineOutcome, Pass, Reconciled, Single, StartMessage, Tried};
use bestow_runtime::lambda::EventFunction;
use bestow_runtime::metrics::{self, Counter};
use bestow_runtime::{ConfigError, Env, RecordOutcome, process_batch, receive_count};
use bestow_wallets::StartIssuing;
use url::Url;
use uuid::Uuid;

/// How soon a message that can never be started comes again: what it carries is not to stay.
const TO_DEAD_LETTERS: Duration = Duration::from_secs(1);

/// The most lines that one process may start at a time.
const MOST_AT_ONCE: usize = 50;

/// The handler of the start queue.
pub struct StartQueued {
    use_cases: bestow_jobs::StartQueued<JobTable, StartQueue, StartIssuing, OperatingSystem>,
    /// Where callbacks may go, besides the public internet.
    allowed: Allowed,
}

impl EventFunction for StartQueued {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    /// Reads `JOB_TABLE`, `START_QUEUE_URL`, `JOB_SECRET`, `QUEUED_STARTS_AT_ONCE`, `EGRESS_ALLOW` and the variables of
    /// [`bestow_wallets::start_issuing`]. A fault names its variable.
    async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        const AT_ONCE: &str = "QUEUED_STARTS_AT_ONCE";
        let table = env.required("JOB_TABLE", "the name of the table of jobs")?;
        let queue = env.required("START_QUEUE_URL", "the URL of the start queue")?;
        let secret = env.master_secret("JOB_SECRET")?;
        let at_once = env.required(AT_ONCE, "a number from 1 to 50")?.parse().ok();
        let at_once = at_once.filter(|number| (1..=MOST_AT_ONCE).contains(number));
        let sdk = Sdk::from_env(env)?;
        let use_cases = bestow_jobs::StartQueued {
            jobs: JobTable::new(sdk.dynamodb(), table),
            queue: StartQueue::new(sdk.sqs(), queue),
            issuing: bestow_wallets::start_issuing(env, &sdk)?,
            system: OperatingSystem,
            keys: JobKeys::derive(&secret)
                .map_err(|fault| ConfigError::invalid("JOB_SECRET", fault))?,
            at_once: at_once
                .ok_or_else(|| ConfigError::invalid(AT_ONCE, "it must be a number from 1 to 50"))?,
            recorded: count,
        };
        let allowed = Allowed::from_env(env)?;
        Ok(Self { use_cases, allowed })
    }

    /// Deals with messages one after the other.
    async fn handle(
        &self,
        event: SqsEvent,
        _deadline: SystemTime,
    ) -> Result<SqsBatchResponse, bestow_runtime::lambda::Error> {
        let one = |record| async move { self.message(&record).await };
        Ok(process_batch(event, 1, one).await)
    }
}

impl StartQueued {
    async fn message(&self, record: &SqsMessage) -> RecordOutcome {
        let body = record.body.as_deref().unwrap_or_default();
        let may_be_called = |url: &Url| self.allowed.check(url).map_err(|fault| fault.to_string());
        match StartMessage::read(body.as_bytes(), may_be_called) {
            Ok(StartMessage::Chunk { id, failures }) => self.chunk(record, id, failures).await,
            Ok(StartMessage::Job { job_id }) => self.job(job_id).await,
            Ok(StartMessage::Start(request)) => self.single(record, *request, None).await,
            Ok(StartMessage::Again { start, tried }) => {
                self.single(record, *start, Some(tried)).await
            }
            Err(problem) => self.malformed(record, &problem).await,
        }
    }

    async fn chunk(&self, record: &SqsMessage, id: ChunkId, failures: u32) -> RecordOutcome {
        let ChunkId { job_id, first_line } = id;
        // Each delivery before this one has failed.
        let delivery = receive_count(record);
        let failures = failures.saturating_add(delivery - 1);
        // The line about the chunk has what was counted for all of its lines.
        metrics::go_with_lines(false);
        let pass = self.use_cases.start_chunk(id, failures).await;
        metrics::go_with_lines(true);
        match pass {
            Ok(Pass::Done) => {
                tracing::info!(%job_id, first_line, "a chunk of a job is done");
                RecordOutcome::Done
            }
            Ok(Pass::Unfinished { after, failures }) => {
                let after_seconds = after.as_secs();
                tracing::info!(%job_id, first_line, after_seconds, failures, "a chunk of a job is not done and comes again");
                let next = StartMessage::Chunk { id, failures };
                // As a new message, if something was done: the old one would count it as a failure.
                let is_new = failures == 0;
                self.again(record, &next, after, is_new).await
            }
            Err(fault) => {
                tracing::error!(%job_id, first_line, %fault, "a chunk of a job could not be started");
                RecordOutcome::Retry
            }
        }
    }

    async fn job(&self, job_id: Uuid) -> RecordOutcome {
        match self.use_cases.reconcile(job_id).await {
            Ok(Reconciled::Discarded) => {
                tracing::info!(%job_id, "an upload that was not accepted has left nothing");
                RecordOutcome::Done
            }
            Ok(Reconciled::Queued) => RecordOutcome::Done,
            Err(fault) => {
                tracing::error!(%job_id, %fault, "a job could not be seen to");
                RecordOutcome::Retry
            }
        }
    }

    async fn single(
        &self,
        record: &SqsMessage,
        request: StartIssue,
        tried: Option<Tried>,
    ) -> RecordOutcome {
        let delivery = receive_count(record);
        let single = self
            .use_cases
            .start_one(request, tried, delivery, || name(record));
        match single.await {
            Single::Started(_) => RecordOutcome::Done,
            Single::Malformed(problem) => self.malformed(record, &problem).await,
            Single::Refused => {
                tracing::error!(
                    message_id = record.message_id,
                    "a message on the start queue asks for what is refused"
                );
                self.give_to_dead_letters(record).await
            }
            Single::Later { after, message } => self.again(record, &message, after, false).await,
            Single::GivenUp => {
                tracing::error!(
                    message_id = record.message_id,
                    "a message on the start queue could not be started within a day"
                );
                self.give_to_dead_letters(record).await
            }
        }
    }

    /// Has something delivered again: by the same message for as often as that can come, then by a new one.
    async fn again(
        &self,
        record: &SqsMessage,
        next: &StartMessage,
        after: Duration,
        is_new: bool,
    ) -> RecordOutcome {
        if !is_new && receive_count(record) < MAX_DELIVERIES {
            self.postpone(record, after).await;
            return RecordOutcome::Retry;
        }
        match self.use_cases.queue.send(next, after).await {
            Ok(()) => RecordOutcome::Done,
            Err(fault) => {
                tracing::warn!(message_id = record.message_id, %fault, "a message could not be replaced by a new one");
                RecordOutcome::Retry
            }
        }
    }

    /// The problem repeats no value of the message.
    async fn malformed(&self, record: &SqsMessage, problem: &Problem) -> RecordOutcome {
        tracing::error!(
            message_id = record.message_id,
            reason = problem.detail,
            "a message on the start queue is malformed"
        );
        self.give_to_dead_letters(record).await
    }

    async fn give_to_dead_letters(&self, record: &SqsMessage) -> RecordOutcome {
        self.postpone(record, TO_DEAD_LETTERS).await;
        RecordOutcome::Retry
    }

    /// If that fails, the message comes again after the queue's own visibility time-out.
    async fn postpone(&self, record: &SqsMessage, after: Duration) {
        let receipt_handle = record.receipt_handle.as_deref().unwrap_or_default();
        let queue = &self.use_cases.queue;
        if let Err(fault) = queue.postpone(receipt_handle, after).await {
            tracing::warn!(message_id = record.message_id, %fault, "a message could not be postponed");
        }
    }
}

/// The name of an issuance whose message has none: the message's id, which is the same for each delivery, and known to
/// its sender.
fn name(record: &SqsMessage) -> CorrelationId {
    let message_id = record.message_id.as_deref().unwrap_or_default();
    message_id.parse().unwrap_or_else(|_| Uuid::new_v4().into())
}

/// Counts what was recorded of a line.
fn count(outcome: &LineOutcome) {
    let counter = match outcome {
        LineOutcome::Started { .. } => Counter::BatchLinesDone,
        LineOutcome::Failed(_) => Counter::BatchLinesFailed,
    };
    metrics::count(counter, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_name_has_its_own_id_as_one() {
        let id = "5fea7756-0ea4-451a-a703-a558b933e274";
        let record: SqsMessage = serde_json::from_value(serde_json::json!({
            "messageId": id,
        }))
        .unwrap();
        assert_eq!(name(&record).as_str(), id);
    }
}
