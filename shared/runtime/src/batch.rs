//! The SQS batch loop: records are handled concurrently but bounded, and each fails for itself.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, StreamExt, stream};
use tracing::Instrument;

use crate::trace::{self, TraceHeader};

/// What became of one record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The record is dealt with; the queue deletes it.
    Done,
    /// The record is to be delivered again after its visibility time-out, and counts towards the
    /// queue's `maxReceiveCount`.
    Retry,
}

/// Hands each record of `event` to `handle`, at most `concurrency` at a time, and answers which of
/// them SQS must deliver again (`ReportBatchItemFailures`). A record whose handler panics is one of
/// those; the others are not touched by it. What is done about a record belongs to the trace of whoever
/// sent it.
pub async fn process_batch<F, Fut>(
    event: SqsEvent,
    concurrency: usize,
    handle: F,
) -> SqsBatchResponse
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = RecordOutcome>,
{
    let failed: Vec<String> = stream::iter(event.records)
        .map(|record| {
            let message_id = record.message_id.clone().unwrap_or_default();
            let trace = record
                .attributes
                .get(trace::MESSAGE_ATTRIBUTE)
                .and_then(|header| TraceHeader::parse(header));
            let span = tracing::info_span!(
                "record",
                message_id,
                xray_trace_id = trace.as_ref().map(TraceHeader::trace_id),
                correlation_id = tracing::field::Empty,
            );
            // Nothing that the handler borrows is used again after a panic but by later records,
            // which share only clients and configuration.
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
