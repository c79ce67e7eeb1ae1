//! `AWS::Lambda::EventSourceMapping` from a table's stream to a function.

use std::time::Duration;

use serde_json::Value as Json;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::event_source_mapping::EventSourceMapping;
use super::names::name_in_arn;
use super::queues::queue_in_arn;
use super::resource::Resource;
use super::stream_filter::StreamFilter;

/// A table's stream that invokes a function.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamSource {
    /// The table's name in DynamoDB.
    pub table: String,
    /// Which function it invokes, and how. Of several records that failed the first one counts.
    pub mapping: EventSourceMapping,
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

/// What only streams have.
const OF_STREAMS: [&str; 6] = [
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FilterCriteria",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "StartingPosition",
];

impl StreamSource {
    pub(super) fn read(
        resource: &Resource<'_>,
        table: &str,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let mapping =
            EventSourceMapping::read(resource, &OF_STREAMS, DEFAULT_BATCH_SIZE, all, evaluator)?;
        let must_be =
            |key: &str, expected| resource.at_properties(|at| at.key(key).must_be(expected));
        if resource.string("StartingPosition", evaluator)? != "TRIM_HORIZON" {
            return Err(must_be(
                "StartingPosition",
                "TRIM_HORIZON; anything else would lose what was written before the function was there",
            ));
        }
        let limit = |key: &str| {
            let written = resource
                .raw(key)
                .map(|value| resource.at_properties(|at| evaluator.string(value, &at.key(key))));
            match written.transpose()?.as_deref() {
                None | Some("-1") => Ok(None),
                Some(digits) => digits
                    .parse::<u64>()
                    .map(Some)
                    .map_err(|_| must_be(key, "a whole number, or -1 for no limit")),
            }
        };
        Ok(Self {
            table: table.to_owned(),
            mapping,
            bisects: resource.property("BisectBatchOnFunctionError", evaluator)?
                == Some(Json::Bool(true)),
            maximum_retries: limit("MaximumRetryAttempts")?,
            maximum_age: limit("MaximumRecordAgeInSeconds")?.map(Duration::from_secs),
            failure_queue: failure_queue(resource, evaluator)?,
            filters: filters(resource, evaluator)?,
        })
    }
}

fn failure_queue(
    resource: &Resource<'_>,
    evaluator: &Evaluator<'_>,
) -> Result<Option<String>, TemplateError> {
    let Some(config) = resource.property("DestinationConfig", evaluator)? else {
        return Ok(None);
    };
    config
        .pointer("/OnFailure/Destination")
        .and_then(Json::as_str)
        .and_then(queue_in_arn)
        .map(|queue| Some(queue.to_owned()))
        .ok_or_else(|| {
            resource.at_properties(|at| {
                at.key("DestinationConfig")
                    .must_be("OnFailure with the ARN of a queue of this template as Destination")
            })
        })
}

fn filters(
    resource: &Resource<'_>,
    evaluator: &Evaluator<'_>,
) -> Result<Vec<StreamFilter>, TemplateError> {
    let Some(criteria) = resource.property("FilterCriteria", evaluator)? else {
        return Ok(Vec::new());
    };
    let read = |filter: &Json| StreamFilter::read(filter.get("Pattern")?.as_str()?);
    criteria
        .get("Filters")
        .and_then(Json::as_array)
        .and_then(|filters| filters.iter().map(read).collect())
        .ok_or_else(|| {
            resource.at_properties(|at| {
                at.key("FilterCriteria")
                    .must_be("Filters with a Pattern each, whose lists hold texts or prefixes")
            })
        })
}

/// The name of the table whose stream a local ARN names.
pub(super) fn table_of_stream(arn: &str) -> Option<&str> {
    name_in_arn(arn, ":table/").filter(|_| arn.contains(":dynamodb:") && arn.contains("/stream/"))
}
