//! Batches of SQS messages: records are handled concurrently, and each fails for itself.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, StreamExt, stream};
use tracing::Instrument;

use crate::metrics;
use crate::trace::{self, TraceHeader};

/// The outcome of one record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The queue deletes the record.
    Done,
    /// The queue delivers the record again after its visibility time-out, up to its `maxReceiveCount`.
    Retry,
}

/// Hands each record of `event` to `handle`, at most `concurrency` at a time, and answers which of them SQS delivers
/// again (`ReportBatchItemFailures`), among them those whose handler panics. The handling of a record belongs to the
/// trace of its sender.
pub async fn process_batch<F, Fut>(
    event: SqsEvent,
    concurrency: usize,
    handle: F,
) -> SqsBatchResponse
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = RecordOutcome>,
{
    metrics::go_with_lines(event.records.len() <= metrics::MOST_LINES);
    let failed: Vec<String> = stream::iter(event.records)
        .map(|record| {
            let message_id = record.message_id.clone().unwrap_or_default();
            let trace = record.attributes.get(trace::MESSAGE_ATTRIBUTE);
            let trace = trace.and_then(|header| TraceHeader::parse(header));
            let span = tracing::info_span!(
                "record",
                message_id,
                xray_trace_id = trace.as_ref().map(TraceHeader::trace_id),
            );
            // Records share only clients and configuration, which a panic leaves as they were.
            let handled = AssertUnwindSafe(async { Box::pin(handle(record)).await }).catch_unwind();
            let handled = trace::within(trace, handled);
            async move {
                match handled.await {
                    Ok(RecordOutcome::Done) => None,
                    Ok(RecordOutcome::Retry) => Some(message_id),
                    Err(_) => {
                        tracing::error!("the handler of a record panicked");
                        Some(message_id)
                    }
                }
            }
            .instrument(span)
        })
        .buffer_unordered(concurrency.max(1))
        .filter_map(async |failed| failed)
        .collect()
        .await;

    let mut response = SqsBatchResponse::default();
    for message_id in failed {
        response.add_failure(message_id);
    }
    response
}

/// How often `record` was received, this time included: from 1.
pub fn receive_count(record: &SqsMessage) -> u32 {
    let count = record.attributes.get("ApproximateReceiveCount");
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or(1)
        .max(1)
}

/// The messages of a batch that are to be handled: of those with the same key the first of the highest rank, because
/// the others would do the same thing at the same time.
pub struct Batch<K, R> {
    chosen: HashMap<K, (R, Option<String>)>,
}

impl<K: Eq + Hash + Clone, R: Ord> Batch<K, R> {
    /// Chooses among `records`. `read` gives the key and the rank of a message; `None` if it is never chosen.
    pub fn of(records: &[SqsMessage], read: impl Fn(&SqsMessage) -> Option<(K, R)>) -> Self {
        let mut chosen: HashMap<K, (R, Option<String>)> = HashMap::new();
        for record in records {
            if let Some((key, rank)) = read(record)
                && chosen.get(&key).is_none_or(|(known, _)| rank > *known)
            {
                chosen.insert(key, (rank, record.message_id.clone()));
            }
        }
        Self { chosen }
    }

    /// The keys of the batch, each once.
    pub fn keys(&self) -> Vec<K> {
        self.chosen.keys().cloned().collect()
    }

    /// Whether `record`, a message of this batch with this key, is to be handled.
    pub fn is_chosen(&self, key: &K, record: &SqsMessage) -> bool {
        let chosen = self.chosen.get(key);
        chosen.is_some_and(|(_, message_id)| *message_id == record.message_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bodies: &[&str]) -> SqsEvent {
        let records = bodies
            .iter()
            .map(|body| serde_json::json!({"messageId": body, "body": body}))
            .collect::<Vec<_>>();
        serde_json::from_value(serde_json::json!({ "Records": records })).unwrap()
    }

    fn failures(response: &SqsBatchResponse) -> Vec<&str> {
        let mut ids: Vec<_> = response
            .batch_item_failures
            .iter()
            .map(|item| item.item_identifier.as_str())
            .collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn of_several_messages_with_one_key_the_first_of_the_highest_is_chosen() {
        let event = event(&["a2", "a3", "b0", "", "a3", "a1"]);
        let mut records = event.records;
        for (number, record) in records.iter_mut().enumerate() {
            record.message_id = Some(number.to_string());
        }
        let read = |record: &SqsMessage| {
            let mut letters = record.body.as_deref()?.chars();
            letters.next().zip(letters.next())
        };
        let batch = Batch::of(&records, read);
        let chosen: Vec<bool> = records
            .iter()
            .map(|record| read(record).is_some_and(|(key, _)| batch.is_chosen(&key, record)))
            .collect();
        assert_eq!(chosen, [false, true, true, false, false, false]);
        let mut keys = batch.keys();
        keys.sort_unstable();
        assert_eq!(keys, ['a', 'b']);
    }

    #[test]
    fn deliveries_are_counted_by_the_queue() {
        let mut record = SqsMessage::default();
        assert_eq!(receive_count(&record), 1);
        for (count, expected) in [("3", 3), ("0", 1), ("x", 1)] {
            let name = "ApproximateReceiveCount".to_owned();
            record.attributes.insert(name, count.to_owned());
            assert_eq!(receive_count(&record), expected, "{count}");
        }
    }

    #[tokio::test]
    async fn a_failing_or_panicking_record_fails_alone() {
        let response = process_batch(
            event(&["good", "bad", "panic", "fine"]),
            4,
            async |record| match record.body.as_deref() {
                Some("bad") => RecordOutcome::Retry,
                Some("panic") => panic!("on purpose"),
                _ => RecordOutcome::Done,
            },
        )
        .await;
        assert_eq!(failures(&response), ["bad", "panic"]);
    }

    #[tokio::test]
    async fn no_more_records_than_allowed_are_handled_at_once() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let bodies = ["record"; 10];
        process_batch(event(&bodies), 3, async |_| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
            RecordOutcome::Done
        })
        .await;
        assert_eq!(most.into_inner(), 3);
    }
}
