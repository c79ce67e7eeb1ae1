//! What `AWS::Lambda::EventSourceMapping` says whatever its source is.

use std::time::Duration;

use serde_json::Value as Json;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::functions::function_in_arn;
use super::resource::Resource;

/// How a function is invoked with batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSourceMapping {
    /// The logical id of the function.
    pub function: String,
    /// The most messages or records in one invocation.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batching_window: Duration,
    /// Whether the function answers which of them failed. If not, it is all or nothing.
    pub reports_item_failures: bool,
}

const CARRIED_OUT: [&str; 6] = [
    "BatchSize",
    "Enabled",
    "EventSourceArn",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
];

impl EventSourceMapping {
    /// Reads what is the same for every source, refusing properties that are neither that nor `others`, which
    /// the caller carries out.
    pub(super) fn read(
        mapping: &Resource<'_>,
        others: &[&str],
        default_batch_size: u64,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        mapping.only(&[&CARRIED_OUT, others].concat(), &["Tags"])?;
        let must_be =
            |key: &str, expected| mapping.at_properties(|at| at.key(key).must_be(expected));

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
        let number = |key: &str, default| match mapping.raw(key) {
            None => Ok(default),
            Some(value) => mapping.at_properties(|at| evaluator.integer(value, &at.key(key))),
        };
        let batch_size = number("BatchSize", default_batch_size)?;
        Ok(Self {
            function: function.to_owned(),
            batch_size: usize::try_from(batch_size).unwrap_or(usize::MAX),
            batching_window: Duration::from_secs(number("MaximumBatchingWindowInSeconds", 0)?),
            reports_item_failures,
        })
    }
}
