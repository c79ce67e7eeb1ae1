//! `AWS::SQS::Queue`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

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

/// Properties that are attributes of `CreateQueue` under the same name.
const TAKEN_OVER: [&str; 6] = [
    "DelaySeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
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
        let mut carried_out = TAKEN_OVER.to_vec();
        carried_out.push("QueueName");
        resource.only(&carried_out, &LEFT_OUT)?;

        let mut attributes = BTreeMap::new();
        for key in TAKEN_OVER {
            let text = match resource.property(key, evaluator)? {
                None => continue,
                Some(Json::String(text)) => text,
                // RedrivePolicy is an object here and its JSON text in the API.
                Some(other) => other.to_string(),
            };
            attributes.insert(key.to_owned(), text);
        }
        let dead_letter_queue = match resource.property("RedrivePolicy", evaluator)? {
            Some(policy) => Some(dead_letter_queue(resource, &policy)?),
            None => None,
        };
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            name: resource.name.clone(),
            attributes,
            dead_letter_queue,
        })
    }
}

fn dead_letter_queue(resource: &Resource<'_>, policy: &Json) -> Result<String, TemplateError> {
    policy
        .get("deadLetterTargetArn")
        .unwrap_or(&json!(null))
        .as_str()
        .and_then(queue_in_arn)
        .map(str::to_owned)
        .ok_or_else(|| {
            resource.at_properties(|place| {
                place
                    .key("RedrivePolicy")
                    .key("deadLetterTargetArn")
                    .must_be("the ARN of a queue of this template")
            })
        })
}

/// The name of the queue that a local queue ARN names.
pub(super) fn queue_in_arn(arn: &str) -> Option<&str> {
    name_in_arn(arn, &format!(":{}:", super::LOCAL_ACCOUNT)).filter(|_| arn.contains(":sqs:"))
}
