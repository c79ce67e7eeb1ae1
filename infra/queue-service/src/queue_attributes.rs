//! A queue's settings: what `SetQueueAttributes` takes.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::{Value, json};

use crate::{
    Error, address,
    limits::{DELAY_SECONDS, MAXIMUM_MESSAGE_SIZE, VISIBILITY_SECONDS, WAIT_SECONDS},
};

/// Attributes as SQS names and writes them.
pub(crate) type AttributeMap = BTreeMap<String, String>;

/// The settings of one queue. Times are in seconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueAttributes {
    /// How long a message stays hidden after it was sent, unless the message says otherwise.
    pub(crate) delay_seconds: i64,
    /// The largest message.
    pub(crate) maximum_message_size: i64,
    /// After this time a message is dropped.
    pub(crate) message_retention_seconds: i64,
    /// How long a receive waits that does not say.
    pub(crate) receive_wait_seconds: i64,
    /// How long a received message stays hidden, unless the receive says otherwise.
    pub(crate) visibility_timeout_seconds: i64,
    /// Where messages go that are received too often.
    pub(crate) redrive_policy: Option<RedrivePolicy>,
}

/// When a message has been received `maximum_receives` times and is due again, it goes to the
/// dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    /// The dead-letter queue's name.
    pub(crate) dead_letter_queue: String,
    /// 1 to 1000.
    pub(crate) maximum_receives: i64,
}

/// The defaults of SQS.
impl Default for QueueAttributes {
    fn default() -> Self {
        Self {
            delay_seconds: 0,
            maximum_message_size: MAXIMUM_MESSAGE_SIZE,
            message_retention_seconds: 345_600,
            receive_wait_seconds: 0,
            visibility_timeout_seconds: 30,
            redrive_policy: None,
        }
    }
}

impl QueueAttributes {
    /// Sets attributes. An empty `RedrivePolicy` removes the policy. Fails with
    /// [`Error::InvalidAttributeName`] or [`Error::InvalidAttributeValue`].
    pub(crate) fn set_all(&mut self, attributes: &AttributeMap) -> Result<(), Error> {
        attributes
            .iter()
            .try_for_each(|(name, value)| self.set(name, value))
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let (target, range) = match name {
            "DelaySeconds" => (&mut self.delay_seconds, DELAY_SECONDS),
            "MaximumMessageSize" => (&mut self.maximum_message_size, 1024..=MAXIMUM_MESSAGE_SIZE),
            "MessageRetentionPeriod" => (&mut self.message_retention_seconds, 60..=1_209_600),
            "ReceiveMessageWaitTimeSeconds" => (&mut self.receive_wait_seconds, WAIT_SECONDS),
            "VisibilityTimeout" => (&mut self.visibility_timeout_seconds, VISIBILITY_SECONDS),
            "RedrivePolicy" if value.is_empty() => {
                self.redrive_policy = None;
                return Ok(());
            }
            "RedrivePolicy" => {
                self.redrive_policy = Some(RedrivePolicy::parse(value)?);
                return Ok(());
            }
            _ => return Err(Error::InvalidAttributeName(name.to_owned())),
        };
        *target = number(name, value, range)?;
        Ok(())
    }

    /// All attributes: what `GetQueueAttributes` shows, less what is counted or derived.
    pub(crate) fn to_map(&self) -> AttributeMap {
        let numbers = [
            ("DelaySeconds", self.delay_seconds),
            ("MaximumMessageSize", self.maximum_message_size),
            ("MessageRetentionPeriod", self.message_retention_seconds),
            ("ReceiveMessageWaitTimeSeconds", self.receive_wait_seconds),
            ("VisibilityTimeout", self.visibility_timeout_seconds),
        ];
        let policy = self.redrive_policy.as_ref().map(RedrivePolicy::to_json);
        numbers
            .into_iter()
            .map(|(name, number)| (name, number.to_string()))
            .chain(policy.map(|policy| ("RedrivePolicy", policy)))
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Reads back what [`to_map`](Self::to_map) gave.
    pub(crate) fn from_map(map: &AttributeMap) -> Result<Self, Error> {
        let mut attributes = Self::default();
        attributes.set_all(map)?;
        Ok(attributes)
    }
}

impl RedrivePolicy {
    /// Reads `{"deadLetterTargetArn": ARN, "maxReceiveCount": 1 to 1000, or the same as text}`.
    fn parse(json: &str) -> Result<Self, Error> {
        let parse = || {
            let policy: Value = serde_json::from_str(json).ok()?;
            let count = match policy.get("maxReceiveCount")? {
                Value::String(text) => text.parse().ok()?,
                count => count.as_i64()?,
            };
            let arn = policy.get("deadLetterTargetArn")?.as_str()?;
            let dead_letter_queue = address::name_in_arn(arn)?.to_owned();
            (1..=1000).contains(&count).then_some(Self {
                dead_letter_queue,
                maximum_receives: count,
            })
        };
        parse().ok_or_else(|| {
            invalid(
                "RedrivePolicy",
                "it must be a JSON object with deadLetterTargetArn, the ARN of a queue, and \
                 maxReceiveCount, 1 to 1000.",
            )
        })
    }

    fn to_json(&self) -> String {
        json!({
            "deadLetterTargetArn": address::queue_arn(&self.dead_letter_queue),
            "maxReceiveCount": self.maximum_receives,
        })
        .to_string()
    }
}

fn number(name: &str, value: &str, range: RangeInclusive<i64>) -> Result<i64, Error> {
    value
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let reason = format!("it must be {} to {}.", range.start(), range.end());
            invalid(name, &reason)
        })
}

fn invalid(name: &str, reason: &str) -> Error {
    Error::InvalidAttributeValue {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}
