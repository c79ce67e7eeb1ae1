//! `AWS::SQS::Queue`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::names::name_in_arn;
use super::resource::Resource;

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

/// Properties that are attributes of `CreateQueue` under the same name, and the name.
const KNOWN: [&str; 7] = [
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "QueueName",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
];

const LEFT_OUT: [&str; 5] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "Tags",
];

impl Queue {
    pub(super) fn read(
        resource: &Resource<'_>,
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let mut values = resource.known_values(&KNOWN, &LEFT_OUT, evaluator)?;
        values.remove("QueueName");
        let dead_letter_queue = values.get("RedrivePolicy").map(|policy| {
            let target = policy.get("deadLetterTargetArn").and_then(Json::as_str);
            let queue = target.and_then(queue_in_arn).map(str::to_owned);
            let expected = "deadLetterTargetArn with the ARN of a queue of this template";
            queue.ok_or_else(|| resource.must_be("RedrivePolicy", expected))
        });
        let attributes = values.into_iter().map(|(key, value)| match value {
            Json::String(text) => (key, text),
            // RedrivePolicy is an object here and its JSON text in the API.
            other => (key, other.to_string()),
        });
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            name: resource.name.clone(),
            attributes: attributes.collect(),
            dead_letter_queue: dead_letter_queue.transpose()?,
        })
    }
}

/// The name of the queue that a local queue ARN names.
pub(super) fn queue_in_arn(arn: &str) -> Option<&str> {
    name_in_arn(arn, &format!(":{}:", super::LOCAL_ACCOUNT)).filter(|_| arn.contains(":sqs:"))
}
