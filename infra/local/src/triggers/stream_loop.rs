//! What Lambda does for a table's stream that invokes a function: read in order, invoke, and go on only when
//! the batch has succeeded or was given up.
//!
//! Where it is, is kept in the data directory: what happened while the local cloud was down is made up
//! for, and what was delivered is not delivered again at each start.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bestow_queue_service::{NewMessage, QueueService};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::emulators::stream_records::{FieldError, StreamRecords};
use crate::events::{Event, Events};
use crate::lambda::host::Target;
use crate::template::{StreamSource, stream_arn};
use crate::triggers::checkpoints::Checkpoints;

/// How often an idle stream is looked at. Lambda does so four times a second.
const PAUSE: Duration = Duration::from_millis(250);
/// After how many batches at the latest the records that were delivered are removed.
const BATCHES_KEPT: u32 = 20;
/// The pause after a batch that failed the first time; each further one is twice as long, up to the last.
const FIRST_BACK_OFF: Duration = Duration::from_millis(200);
const LAST_BACK_OFF: Duration = Duration::from_secs(10);

/// Feeds a function from the stream of a table.
pub(crate) struct StreamLoop {
    pub(crate) records: StreamRecords,
    pub(crate) queues: QueueService,
    pub(crate) source: StreamSource,
    pub(crate) function: Target,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) events: Events,
}

/// Records that are delivered together, and how often that failed.
struct Batch {
    records: Vec<Value>,
    failures: u64,
}

impl StreamLoop {
    /// Runs until `stop`; an invocation that is under way ends first.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut position = self.checkpoints.of(&self.source.table);
        let mut delivered = 0;
        loop {
            let read = tokio::select! {
                () = stop.cancelled() => return,
                read = self.batch(position.clone()) => read,
            };
            let (records, last) = match read {
                Ok(Some(read)) => read,
                Ok(None) => {
                    if std::mem::take(&mut delivered) > 0 {
                        self.forget_before(position.clone()).await;
                    }
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(fault) => {
                    tracing::error!(table = self.source.table, %fault, "a stream cannot be read");
                    tokio::time::sleep(LAST_BACK_OFF).await;
                    continue;
                }
            };
            if !self.deliver(records, &stop).await {
                return;
            }
            self.checkpoints.set(&self.source.table, &last);
            position = Some(last);
            delivered += 1;
            if delivered == BATCHES_KEPT {
                delivered = 0;
                self.forget_before(position.clone()).await;
            }
        }
    }

    /// Removes the records that were delivered, up to the last one at `position`. If that fails, they are
    /// removed with those that come after them.
    async fn forget_before(&self, position: Option<String>) {
        let Some(position) = position else { return };
        let (records, table) = (self.records.clone(), self.source.table.clone());
        let forget = move || records.forget_before(&table, position);
        if let Ok(Err(fault)) = tokio::task::spawn_blocking(forget).await {
            tracing::warn!(%fault, "records of a stream that were delivered are still there");
        }
    }

    /// The next records, as Lambda writes them, that the function is to get, and the sequence number of
    /// the last one that was read; `None` where there is nothing new. Records that do not fill a batch wait for others
    /// until the window is over.
    async fn batch(
        &self,
        position: Option<String>,
    ) -> Result<Option<(Vec<Value>, String)>, FieldError> {
        let mapping = &self.source.mapping;
        let window_ends = Instant::now() + mapping.batching_window;
        loop {
            let (records, table) = (self.records.clone(), self.source.table.clone());
            let position = position.clone();
            let read = move || records.read(&table, position);
            let records = tokio::task::spawn_blocking(read).await??;
            let filters = &self.source.filters;
            // A batch is of what the function gets, however much is passed over for it.
            let (mut wanted, mut last) = (Vec::new(), None);
            for record in records {
                last = Some(sequence_number(&record));
                if filters.is_empty() || filters.iter().any(|one| one.takes(&record)) {
                    wanted.push(record);
                }
                if wanted.len() >= mapping.batch_size {
                    break;
                }
            }
            let is_full = last.is_none() || wanted.len() >= mapping.batch_size;
            if is_full || Instant::now() >= window_ends {
                return Ok(last.map(|last| (wanted, last)));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Delivers records until each has succeeded or was given up; false, if it was to stop before.
    async fn deliver(&self, records: Vec<Value>, stop: &CancellationToken) -> bool {
        let mut waiting = VecDeque::from([Batch {
            records,
            failures: 0,
        }]);
        while let Some(mut batch) = waiting.pop_front() {
            if batch.records.is_empty() {
                continue;
            }
            let Some(first) = self.invoke(&batch.records).await else {
                continue;
            };
            if let Some(last_done) = first.checked_sub(1).and_then(|at| batch.records.get(at)) {
                self.checkpoints
                    .set(&self.source.table, &sequence_number(last_done));
            }
            let rest = batch.records.split_off(first.min(batch.records.len()));
            let failures = batch.failures + 1;
            if let Some(condition) = self.limit_reached(&rest, failures) {
                self.give_up(&rest, failures, condition);
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(back_off(failures)) => {}
            }
            self.put_back(&mut waiting, rest, failures);
        }
        true
    }

    /// Records that failed come again before everything else; in two halves, if that is asked for. A cut
    /// does not count as a try.
    fn put_back(&self, waiting: &mut VecDeque<Batch>, mut records: Vec<Value>, failures: u64) {
        if self.source.bisects && records.len() > 1 {
            let second = records.split_off(records.len() / 2);
            let failures = failures - 1;
            waiting.push_front(Batch {
                records: second,
                failures,
            });
            waiting.push_front(Batch { records, failures });
        } else {
            waiting.push_front(Batch { records, failures });
        }
    }

    /// Which limit these records are beyond, in Lambda's word for it; where there is none, they come again.
    fn limit_reached(&self, records: &[Value], failures: u64) -> Option<&'static str> {
        let may_be_cut = self.source.bisects && records.len() > 1;
        let retries = self.source.maximum_retries;
        let tried_too_often = retries.is_some_and(|retries| failures > retries);
        let too_old = || {
            let created = records
                .first()?
                .pointer("/dynamodb/ApproximateCreationDateTime")?
                .as_f64()?;
            let age = Timestamp::now().as_second() as f64 - created;
            Some(age > self.source.maximum_age?.as_secs_f64())
        };
        if tried_too_often && !may_be_cut {
            Some("RetryAttemptsExhausted")
        } else if too_old() == Some(true) {
            Some("RecordAgeExceeded")
        } else {
            None
        }
    }

    /// Tells the on-failure queue where the records are, as Lambda does.
    fn give_up(&self, records: &[Value], failures: u64, condition: &str) {
        let (table, function) = (&self.source.table, &self.source.mapping.function);
        let count = records.len();
        tracing::error!(
            table,
            function,
            count,
            condition,
            "stream records were given up"
        );
        let Some(queue) = &self.source.dead_letter_queue else {
            return;
        };
        let message = json!({
            "version": "1.0",
            "timestamp": Timestamp::now().to_string(),
            "requestContext": {
                "functionArn": function,
                "condition": condition,
                "approximateInvokeCount": failures,
            },
            "DDBStreamBatchInfo": {
                "streamArn": stream_arn(table),
                "shardId": dynoxide::streams::shard_id(table),
                "startSequenceNumber": records.first().map(sequence_number),
                "endSequenceNumber": records.last().map(sequence_number),
                "batchSize": count,
            },
        });
        let message = NewMessage::new(message.to_string());
        if let Err(fault) = self.queues.send(queue, &message) {
            tracing::error!(queue, %fault, "nobody was told of records that were given up");
        }
    }

    /// Invokes the function, and gives the place from which on the records are to be delivered again: of several that
    /// failed the first one counts.
    async fn invoke(&self, records: &[Value]) -> Option<usize> {
        let started = Instant::now();
        let mapping = &self.source.mapping;
        let ids: Vec<String> = records.iter().map(sequence_number).collect();
        let failed = super::invoke_batch(&self.function, mapping, records, &ids).await;
        let first = failed.map_or(Some(0), |places| places.first().copied());
        self.events.send(Event::StreamBatch {
            table: self.source.table.clone(),
            function: mapping.function.clone(),
            records: records.len(),
            failed: first.map_or(0, |first| records.len() - first),
            took: started.elapsed(),
        });
        first
    }
}

fn back_off(failures: u64) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_BACK_OFF
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(LAST_BACK_OFF)
}

fn sequence_number(record: &Value) -> String {
    record
        .pointer("/dynamodb/SequenceNumber")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
#[path = "stream_loop_tests.rs"]
mod tests;
