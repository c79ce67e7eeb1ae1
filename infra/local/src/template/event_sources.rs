//! `AWS::Lambda::EventSourceMapping`: a queue or a table's stream that invokes a function.

use std::time::Duration;

use serde::Deserialize;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::functions::function_in_arn;
use super::names::name_in_arn;
use super::queues::queue_in_arn;
use super::resource::Resource;
use super::stream_filter::StreamFilter;
use super::yaml::Whole;

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
const DEFAULT_MESSAGES: u64 = 10;
/// Lambda's own default batch size for streams.
const DEFAULT_RECORDS: u64 = 100;
/// Without a limit Lambda scales to a thousand; one machine has enough with these.
const DEFAULT_MAXIMUM_CONCURRENCY: u64 = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    function_name: String,
    event_source_arn: String,
    enabled: Option<bool>,
    batch_size: Option<Whole>,
    maximum_batching_window_in_seconds: Option<Whole>,
    #[serde(default)]
    function_response_types: Vec<String>,
    // Of queues.
    scaling_config: Option<ScalingConfig>,
    // Of streams.
    starting_position: Option<String>,
    #[serde(default)]
    bisect_batch_on_function_error: bool,
    maximum_retry_attempts: Option<Whole>,
    maximum_record_age_in_seconds: Option<Whole>,
    destination_config: Option<DestinationConfig>,
    filter_criteria: Option<FilterCriteria>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScalingConfig {
    maximum_concurrency: Whole,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DestinationConfig {
    on_failure: OnFailure,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OnFailure {
    destination: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FilterCriteria {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    pattern: String,
}

impl Source {
    pub(super) fn read(
        resource: &Resource<'_>,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let properties: Properties = resource.read(&["Tags"], evaluator)?;
        if properties.enabled == Some(false) {
            let expected = "true; the local cloud runs every event source";
            return Err(resource.must_be("Enabled", expected));
        }
        match table_of_stream(&properties.event_source_arn) {
            Some(table) => {
                let table = table.to_owned();
                StreamSource::of(table, properties, resource, all).map(Self::Stream)
            }
            None => EventSource::of(properties, resource, all).map(Self::Queue),
        }
    }
}

impl EventSourceMapping {
    fn of(
        properties: &Properties,
        default_batch_size: u64,
        resource: &Resource<'_>,
        all: &[Resource<'_>],
    ) -> Result<Self, TemplateError> {
        let function = function_in_arn(&properties.function_name, all).ok_or_else(|| {
            resource.must_be("FunctionName", "the ARN of a function of this template")
        })?;
        let batch_size = properties.batch_size.map_or(default_batch_size, Whole::get);
        let window = properties.maximum_batching_window_in_seconds;
        let reports = |kind: &String| kind == "ReportBatchItemFailures";
        Ok(Self {
            function: function.to_owned(),
            batch_size: usize::try_from(batch_size).unwrap_or(usize::MAX),
            batching_window: Duration::from_secs(window.map_or(0, Whole::get)),
            reports_item_failures: properties.function_response_types.iter().any(reports),
        })
    }
}

impl EventSource {
    fn of(
        properties: Properties,
        resource: &Resource<'_>,
        all: &[Resource<'_>],
    ) -> Result<Self, TemplateError> {
        let queue = queue_in_arn(&properties.event_source_arn).ok_or_else(|| {
            let expected = "the ARN of a queue or of the stream of a table of this template";
            resource.must_be("EventSourceArn", expected)
        })?;
        if properties.starting_position.is_some() {
            return Err(resource.must_be("StartingPosition", "left out: a queue has none"));
        }
        let concurrency = properties.scaling_config.as_ref();
        let concurrency = concurrency.map_or(DEFAULT_MAXIMUM_CONCURRENCY, |scaling| {
            scaling.maximum_concurrency.get()
        });
        Ok(Self {
            queue: queue.to_owned(),
            mapping: EventSourceMapping::of(&properties, DEFAULT_MESSAGES, resource, all)?,
            maximum_concurrency: usize::try_from(concurrency).unwrap_or(usize::MAX),
        })
    }
}

impl StreamSource {
    fn of(
        table: String,
        properties: Properties,
        resource: &Resource<'_>,
        all: &[Resource<'_>],
    ) -> Result<Self, TemplateError> {
        if properties.starting_position.as_deref() != Some("TRIM_HORIZON") {
            return Err(resource.must_be(
                "StartingPosition",
                "TRIM_HORIZON; anything else would lose what was written before the function was there",
            ));
        }
        if properties.scaling_config.is_some() {
            return Err(resource.must_be("ScalingConfig", "left out: a stream has none"));
        }
        let mapping = EventSourceMapping::of(&properties, DEFAULT_RECORDS, resource, all)?;
        let dead_letter_queue = properties.destination_config.map(|config| {
            let queue = queue_in_arn(&config.on_failure.destination).map(str::to_owned);
            let expected = "OnFailure with the ARN of a queue of this template as Destination";
            queue.ok_or_else(|| resource.must_be("DestinationConfig", expected))
        });
        let filters = properties.filter_criteria.map(|criteria| criteria.filters);
        let filters = filters.into_iter().flatten();
        let filters = filters.map(|filter| StreamFilter::read(&filter.pattern));
        let filters = filters.collect::<Option<_>>().ok_or_else(|| {
            let expected = "Filters with a Pattern each, whose lists hold texts or prefixes";
            resource.must_be("FilterCriteria", expected)
        })?;
        let age = properties.maximum_record_age_in_seconds;
        Ok(Self {
            table,
            mapping,
            bisects: properties.bisect_batch_on_function_error,
            maximum_retries: properties.maximum_retry_attempts.and_then(Whole::limit),
            maximum_age: age.and_then(Whole::limit).map(Duration::from_secs),
            dead_letter_queue: dead_letter_queue.transpose()?,
            filters,
        })
    }
}

/// The name of the table whose stream a local ARN names.
fn table_of_stream(arn: &str) -> Option<&str> {
    name_in_arn(arn, ":table/").filter(|_| arn.contains(":dynamodb:") && arn.contains("/stream/"))
}
