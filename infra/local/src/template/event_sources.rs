//! `AWS::Lambda::EventSourceMapping` from a queue to a function.

use std::time::Duration;

use serde_json::Value as Json;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::functions::function_in_arn;
use super::queues::queue_in_arn;
use super::resource::Resource;

/// A queue that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource {
    /// The queue's name in SQS.
    pub queue: String,
    /// The logical id of the function.
    pub function: String,
    /// The most messages in one invocation.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batching_window: Duration,
    /// The most invocations at a time.
    pub maximum_concurrency: usize,
    /// Whether the function answers which messages failed. If not, it is all or nothing.
    pub reports_item_failures: bool,
}

/// Lambda's own default batch size for SQS.
const DEFAULT_BATCH_SIZE: u64 = 10;
/// Without a limit Lambda scales to a thousand; one machine has enough with these.
const DEFAULT_MAXIMUM_CONCURRENCY: u64 = 10;

const CARRIED_OUT: [&str; 7] = [
    "BatchSize",
    "Enabled",
    "EventSourceArn",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "ScalingConfig",
];

impl EventSource {
    pub(super) fn read(
        mapping: &Resource<'_>,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        mapping.only(&CARRIED_OUT, &["Tags"])?;
        let must_be =
            |key: &str, expected| mapping.at_properties(|at| at.key(key).must_be(expected));

        let queue = mapping.string("EventSourceArn", evaluator)?;
        let queue = queue_in_arn(&queue)
            .ok_or_else(|| must_be("EventSourceArn", "the ARN of a queue of this template"))?;
        let function = mapping.string("FunctionName", evaluator)?;
        let function = function_in_arn(&function, all)
            .ok_or_else(|| must_be("FunctionName", "the ARN of a function of this template"))?;
        if mapping.property("Enabled", evaluator)? == Some(Json::Bool(false)) {
            return Err(must_be(
                "Enabled",
                "true; the local cloud runs every event source",
            ));
        }
        let reports_item_failures = match mapping.property("FunctionResponseTypes", evaluator)? {
            None => false,
            Some(Json::Array(types)) => types
                .iter()
                .any(|one| one.as_str() == Some("ReportBatchItemFailures")),
            Some(_) => return Err(must_be("FunctionResponseTypes", "a list")),
        };
        let maximum_concurrency = match mapping.property("ScalingConfig", evaluator)? {
            None => DEFAULT_MAXIMUM_CONCURRENCY,
            Some(scaling) => scaling
                .get("MaximumConcurrency")
                .and_then(Json::as_u64)
                .ok_or_else(|| must_be("ScalingConfig", "a mapping with MaximumConcurrency"))?,
        };
        let number = |key: &str, default| match mapping.raw(key) {
            None => Ok(default),
            Some(value) => mapping.at_properties(|at| evaluator.integer(value, &at.key(key))),
        };
        Ok(Self {
            queue: queue.to_owned(),
            function: function.to_owned(),
            batch_size: count(number("BatchSize", DEFAULT_BATCH_SIZE)?),
            batching_window: Duration::from_secs(number("MaximumBatchingWindowInSeconds", 0)?),
            maximum_concurrency: count(maximum_concurrency),
            reports_item_failures,
        })
    }
}

/// A count; on a machine too small for it, as many as it can hold.
fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
