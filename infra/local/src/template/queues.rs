//! `AWS::SQS::Queue`.

use std::collections::BTreeMap;

use super::error::TemplateError;
use super::names::queue_in_arn;
use super::resource::Resource;
use super::yaml::text;

/// A queue to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in SQS.
    pub name: String,
    /// The attributes of SQS's `CreateQueue`, which are strings all.
    pub attributes: BTreeMap<String, String>,
    /// The name of the queue that takes the messages which were received too often.
    pub dead_letter_queue: Option<String>,
}

/// Properties that are attributes of `CreateQueue` under the same name.
const ATTRIBUTES: [&str; 6] = [
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
];

impl Queue {
    pub(super) fn read(resource: &Resource<'_>) -> Result<Self, TemplateError> {
        let properties = resource.properties(&ATTRIBUTES)?;
        let mut dead_letter_queue = None;
        if properties.values.get("RedrivePolicy").is_some() {
            let target = properties.text("/RedrivePolicy/deadLetterTargetArn");
            let queue = target.and_then(queue_in_arn).ok_or_else(|| {
                let expected = "deadLetterTargetArn with the ARN of a queue of this template";
                resource.must_be("RedrivePolicy", expected)
            })?;
            dead_letter_queue = Some(queue.to_owned());
        }
        let attributes = properties.values.as_object().into_iter().flatten();
        // RedrivePolicy is an object here and its JSON text in the API.
        let attributes = attributes
            .map(|(key, value)| {
                (
                    key.clone(),
                    text(value).unwrap_or_else(|| value.to_string()),
                )
            })
            .collect();
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            name: resource.name.to_owned(),
            attributes,
            dead_letter_queue,
        })
    }
}
