//! `AWS::Lambda::EventSourceMapping`: a queue or a table's stream that invokes a function.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::error::TemplateError;
use super::names::{name_in_arn, queue_in_arn};
use super::resource::{Properties, Resource};
use super::stream_filter::StreamFilter;

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

/// A queue that invokes a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource {
    /// The queue's name in SQS.
    pub queue: String,
    /// Which function it invokes, and how.
    pub mapping: EventSourceMapping,
    /// The most invocations at a time.
    pub maximum_concurrency: usize,
}

/// A table's stream that invokes a function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StreamSource {
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
    pub dead_letter_queue: Option<String>,
    /// Which records the function gets: those that one of these takes, or all where there is none.
    pub filters: Vec<StreamFilter>,
}

/// What a mapping is of.
pub(super) enum Source {
    Queue(EventSource),
    Stream(StreamSource),
}

/// Lambda's own default batch size for SQS.
const DEFAULT_MESSAGES: usize = 10;
/// Lambda's own default batch size for streams.
const DEFAULT_RECORDS: usize = 100;
/// Without a limit Lambda scales to a thousand; one machine has enough with these.
const DEFAULT_MAXIMUM_CONCURRENCY: usize = 10;

const KNOWN: [&str; 12] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "EventSourceArn",
    "FilterCriteria",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ScalingConfig",
    "StartingPosition",
];

impl Source {
    pub(super) fn read(resource: &Resource<'_>) -> Result<Self, TemplateError> {
        let properties = resource.properties(&KNOWN)?;
        let source = properties.text("/EventSourceArn").unwrap_or_default();
        if let Some(table) = table_of_stream(source) {
            return StreamSource::read(table, &properties, resource).map(Self::Stream);
        }
        let Some(queue) = queue_in_arn(source) else {
            let expected = "the ARN of a queue or of the stream of a table of this template";
            return Err(resource.must_be("EventSourceArn", expected));
        };
        let concurrency = properties.number("/ScalingConfig/MaximumConcurrency")?;
        Ok(Self::Queue(EventSource {
            queue: queue.to_owned(),
            mapping: EventSourceMapping::read(&properties, DEFAULT_MESSAGES, resource)?,
            maximum_concurrency: size(concurrency, DEFAULT_MAXIMUM_CONCURRENCY),
        }))
    }
}

impl EventSourceMapping {
    fn read(
        properties: &Properties,
        default_batch_size: usize,
        resource: &Resource<'_>,
    ) -> Result<Self, TemplateError> {
        let window = properties.number("/MaximumBatchingWindowInSeconds")?;
        let response_types = properties.values.get("FunctionResponseTypes");
        Ok(Self {
            function: resource.function_in("FunctionName", properties.text("/FunctionName"))?,
            batch_size: size(properties.number("/BatchSize")?, default_batch_size),
            batching_window: Duration::from_secs(window.unwrap_or_default().unsigned_abs()),
            reports_item_failures: response_types == Some(&json!(["ReportBatchItemFailures"])),
        })
    }
}

impl StreamSource {
    fn read(
        table: &str,
        properties: &Properties,
        resource: &Resource<'_>,
    ) -> Result<Self, TemplateError> {
        let values = &properties.values;
        if properties.text("/StartingPosition") != Some("TRIM_HORIZON") {
            return Err(resource.must_be(
                "StartingPosition",
                "TRIM_HORIZON; anything else would lose what was written before the function was there",
            ));
        }
        let dead_letter_queue = values.get("DestinationConfig").map(|config| {
            let arn = config.pointer("/OnFailure/Destination");
            let queue = arn.and_then(Json::as_str).and_then(queue_in_arn);
            let expected = "OnFailure with the ARN of a queue of this template as Destination";
            let queue = queue.map(str::to_owned);
            queue.ok_or_else(|| resource.must_be("DestinationConfig", expected))
        });
        let filters = values.pointer("/FilterCriteria/Filters");
        let filters = filters.and_then(Json::as_array).into_iter().flatten();
        let filters = filters.map(|filter| StreamFilter::read(filter.get("Pattern")?.as_str()?));
        let filters = filters.collect::<Option<_>>().ok_or_else(|| {
            let expected = "Filters with a Pattern each, whose lists hold texts or prefixes";
            resource.must_be("FilterCriteria", expected)
        })?;
        // -1 is no limit.
        let limit = |pointer| {
            let limit = properties.number(pointer)?;
            Ok(limit.and_then(|limit| u64::try_from(limit).ok()))
        };
        Ok(Self {
            table: table.to_owned(),
            mapping: EventSourceMapping::read(properties, DEFAULT_RECORDS, resource)?,
            bisects: values.get("BisectBatchOnFunctionError") == Some(&json!(true)),
            maximum_retries: limit("/MaximumRetryAttempts")?,
            maximum_age: limit("/MaximumRecordAgeInSeconds")?.map(Duration::from_secs),
            dead_letter_queue: dead_letter_queue.transpose()?,
            filters,
        })
    }
}

fn size(number: Option<i64>, default: usize) -> usize {
    number.map_or(default, |number| {
        usize::try_from(number).unwrap_or_default()
    })
}

/// The name of the table whose stream a local ARN names.
fn table_of_stream(arn: &str) -> Option<&str> {
    name_in_arn(arn, ":table/").filter(|_| arn.contains(":dynamodb:") && arn.contains("/stream/"))
}
