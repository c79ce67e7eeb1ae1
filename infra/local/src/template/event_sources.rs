//! `AWS::Lambda::EventSourceMapping` from a queue to a function.

use serde_json::Value as Json;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::event_source_mapping::EventSourceMapping;
use super::queues::queue_in_arn;
use super::resource::Resource;

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

/// Lambda's own default batch size for SQS.
const DEFAULT_BATCH_SIZE: u64 = 10;
/// Without a limit Lambda scales to a thousand; one machine has enough with these.
const DEFAULT_MAXIMUM_CONCURRENCY: u64 = 10;

impl EventSource {
    pub(super) fn read(
        resource: &Resource<'_>,
        all: &[Resource<'_>],
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let mapping = EventSourceMapping::read(
            resource,
            &["ScalingConfig"],
            DEFAULT_BATCH_SIZE,
            all,
            evaluator,
        )?;
        let must_be =
            |key: &str, expected| resource.at_properties(|at| at.key(key).must_be(expected));
        let queue = resource.string("EventSourceArn", evaluator)?;
        let queue = queue_in_arn(&queue)
            .ok_or_else(|| must_be("EventSourceArn", "the ARN of a queue of this template"))?;
        let maximum_concurrency = match resource.property("ScalingConfig", evaluator)? {
            None => DEFAULT_MAXIMUM_CONCURRENCY,
            Some(scaling) => scaling
                .get("MaximumConcurrency")
                .and_then(Json::as_u64)
                .ok_or_else(|| must_be("ScalingConfig", "a mapping with MaximumConcurrency"))?,
        };
        Ok(Self {
            queue: queue.to_owned(),
            mapping,
            maximum_concurrency: usize::try_from(maximum_concurrency).unwrap_or(usize::MAX),
        })
    }
}
