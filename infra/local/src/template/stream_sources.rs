//! `AWS::Lambda::EventSourceMapping` from a table's stream to a function.

use std::time::Duration;

use serde_json::Value as Json;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::functions::function_in_arn;
use super::names::name_in_arn;
use super::queues::queue_in_arn;
use super::resource::Resource;
use super::stream_filter::StreamFilter;

/// A table's stream that invokes a function.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSource {
    /// The table's name in DynamoDB.
    pub table: String,
    /// The logical id of the function.
    pub function: String,
    /// The most records in one invocation.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batching_window: Duration,
    /// Whether the function answers from which record on it failed. If not, it is all or nothing.
    pub reports_item_failures: bool,
    /// Whether a batch that failed is cut in two.
    pub bisects: bool,
    /// How often a batch is tried again; `None`: until its records are too old.
    pub maximum_retries: Option<u64>,
    /// Beyond which age a record is given up; `None`: never before the stream forgets it.
    pub maximum_age: Option<Duration>,
    /// The queue that is told of records that were given up.
    pub failure_queue: Option<String>,
    /// Which records the function gets: those that one of these takes, or all where there is none.
    pub filters: Vec<StreamFilter>,
}

/// Lambda's own default batch size for streams.
const DEFAULT_BATCH_SIZE: u64 = 100;

const CARRIED_OUT: [&str; 12] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "EventSourceArn",
    "FilterCriteria",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "StartingPosition",
];

impl StreamSource {
    pub(super) fn read(
        mapping: &Resource<'_>,
        table: &str,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        mapping.only(&CARRIED_OUT, &["Tags"])?;
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
        if mapping.string("StartingPosition", evaluator)? != "TRIM_HORIZON" {
            return Err(must_be(
                "StartingPosition",
                "TRIM_HORIZON; anything else would lose what was written before the function was there",
            ));
        }
        let reports_item_failures = match mapping.property("FunctionResponseTypes", evaluator)? {
            None => false,
            Some(Json::Array(types)) => types
                .iter()
                .any(|one| one.as_str() == Some("ReportBatchItemFailures")),
            Some(_) => return Err(must_be("FunctionResponseTypes", "a list")),
        };
        let number = |key: &str| {
            let written = mapping
                .raw(key)
                .map(|value| mapping.at_properties(|at| evaluator.string(value, &at.key(key))));
            match written.transpose()?.as_deref() {
                None | Some("-1") => Ok(None),
                Some(digits) => digits
                    .parse::<u64>()
                    .map(Some)
                    .map_err(|_| must_be(key, "a whole number, or -1 for no limit")),
            }
        };
        let batch_size = number("BatchSize")?.unwrap_or(DEFAULT_BATCH_SIZE);
        Ok(Self {
            table: table.to_owned(),
            function: function.to_owned(),
            batch_size: usize::try_from(batch_size).unwrap_or(usize::MAX),
            batching_window: Duration::from_secs(
                number("MaximumBatchingWindowInSeconds")?.unwrap_or(0),
            ),
            reports_item_failures,
            bisects: mapping.property("BisectBatchOnFunctionError", evaluator)?
                == Some(Json::Bool(true)),
            maximum_retries: number("MaximumRetryAttempts")?,
            maximum_age: number("MaximumRecordAgeInSeconds")?.map(Duration::from_secs),
            failure_queue: failure_queue(mapping, evaluator)?,
            filters: filters(mapping, evaluator)?,
        })
    }
}

fn failure_queue(
    mapping: &Resource<'_>,
    evaluator: &Evaluator<'_>,
) -> Result<Option<String>, TemplateError> {
    let Some(config) = mapping.property("DestinationConfig", evaluator)? else {
        return Ok(None);
    };
    config
        .pointer("/OnFailure/Destination")
        .and_then(Json::as_str)
        .and_then(queue_in_arn)
        .map(|queue| Some(queue.to_owned()))
        .ok_or_else(|| {
            mapping.at_properties(|at| {
                at.key("DestinationConfig")
                    .must_be("OnFailure with the ARN of a queue of this template as Destination")
            })
        })
}

fn filters(
    mapping: &Resource<'_>,
    evaluator: &Evaluator<'_>,
) -> Result<Vec<StreamFilter>, TemplateError> {
    let Some(criteria) = mapping.property("FilterCriteria", evaluator)? else {
        return Ok(Vec::new());
    };
    let read = |filter: &Json| StreamFilter::read(filter.get("Pattern")?.as_str()?);
    criteria
        .get("Filters")
        .and_then(Json::as_array)
        .and_then(|filters| filters.iter().map(read).collect())
        .ok_or_else(|| {
            mapping.at_properties(|at| {
                at.key("FilterCriteria")
                    .must_be("Filters with a Pattern each, whose lists hold texts or prefixes")
            })
        })
}

/// The name of the table whose stream a local ARN names.
pub(super) fn table_of_stream(arn: &str) -> Option<&str> {
    name_in_arn(arn, ":table/").filter(|_| arn.contains(":dynamodb:") && arn.contains("/stream/"))
}
