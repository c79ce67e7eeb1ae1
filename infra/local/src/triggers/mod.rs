//! What invokes functions by events: queues, streams of tables, schedules.

pub(crate) mod checkpoints;
pub(crate) mod event_loop;
pub(crate) mod schedule_loop;
pub(crate) mod stream_loop;

use std::collections::BTreeSet;

use aws_lambda_events::event::sqs::SqsBatchResponse;
use serde_json::{Value, json};

use crate::lambda::host::Target;
use crate::template::event_sources::EventSourceMapping;

/// Invokes a function with a batch of records, which are told apart by `ids`. Gives the places of those that failed;
/// `None` where the whole batch did: the invocation failed, or the answer is no batch response, or names a record that
/// is not in the batch, as Lambda takes it.
async fn invoke_batch(
    function: &Target,
    mapping: &EventSourceMapping,
    records: &[Value],
    ids: &[String],
) -> Option<BTreeSet<usize>> {
    match function.invoke(json!({"Records": records})).await {
        Ok(_) if !mapping.reports_item_failures => Some(BTreeSet::new()),
        Ok(answer) => {
            let response: SqsBatchResponse = serde_json::from_value(answer).ok()?;
            let failures = response.batch_item_failures.iter();
            let place = |id: &String| ids.iter().position(|one| one == id);
            failures
                .map(|failure| place(&failure.item_identifier))
                .collect()
        }
        Err(fault) => {
            tracing::error!(function = mapping.function, fault, "the invocation failed");
            None
        }
    }
}
