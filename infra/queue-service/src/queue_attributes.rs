//! A queue's settings, as SQS names and writes them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::{
    Error, address,
    limits::{DELAY_SECONDS, MAXIMUM_MESSAGE_SIZE, VISIBILITY_SECONDS, WAIT_SECONDS, in_range},
};

/// Attributes as SQS names and writes them.
pub(crate) type AttributeMap = BTreeMap<String, String>;

/// The settings of one queue.
#[derive(Debug)]
pub(crate) struct QueueAttributes {
    /// How long a message stays hidden after it was sent, unless the message says otherwise.
    pub(crate) delay: Duration,
    /// In bytes.
    pub(crate) maximum_message_size: i64,
    /// After this time a message is dropped.
    pub(crate) retention: Duration,
    /// How long a receive waits that does not say.
    pub(crate) receive_wait: Duration,
    /// How long a received message stays hidden, unless the receive says otherwise.
    pub(crate) visibility_timeout: Duration,
    /// Where messages go that are received too often.
    pub(crate) redrive_policy: Option<RedrivePolicy>,
}

/// When a message has been received `maximum_receives` times and is due again, it goes to the
/// dead-letter queue.
#[derive(Debug)]
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
            delay: Duration::ZERO,
            maximum_message_size: MAXIMUM_MESSAGE_SIZE,
            retention: Duration::from_secs(345_600),
            receive_wait: Duration::ZERO,
            visibility_timeout: Duration::from_secs(30),
            redrive_policy: None,
        }
    }
}

impl QueueAttributes {
    /// Sets attributes. An empty `RedrivePolicy` removes the policy.
    ///
    /// # Errors
    /// [`Error::InvalidParameterValue`] that names the attribute.
    pub(crate) fn set_all(&mut self, attributes: &AttributeMap) -> Result<(), Error> {
        for (name, value) in attributes {
            let number = |range| match value.parse() {
                Ok(number) => in_range(name, number, range),
                Err(_) => Err(invalid(name, "Must be a whole number.")),
            };
            let seconds = |range| {
                let seconds = number(range)?.unsigned_abs();
                Ok::<_, Error>(Duration::from_secs(seconds))
            };
            match name.as_str() {
                "DelaySeconds" => self.delay = seconds(DELAY_SECONDS)?,
                "MaximumMessageSize" => {
                    self.maximum_message_size = number(1024..=MAXIMUM_MESSAGE_SIZE)?;
                }
                "MessageRetentionPeriod" => self.retention = seconds(60..=1_209_600)?,
                "ReceiveMessageWaitTimeSeconds" => self.receive_wait = seconds(WAIT_SECONDS)?,
                "VisibilityTimeout" => self.visibility_timeout = seconds(VISIBILITY_SECONDS)?,
                "RedrivePolicy" => {
                    let policy = (!value.is_empty()).then(|| RedrivePolicy::parse(value));
                    self.redrive_policy = policy.transpose()?;
                }
                _ => return Err(invalid(name, "Queues have no such attribute here.")),
            }
        }
        Ok(())
    }

    /// All attributes: what `GetQueueAttributes` shows, less what is counted or derived.
    pub(crate) fn to_map(&self) -> AttributeMap {
        let seconds = |time: Duration| time.as_secs().to_string();
        let policy = self.redrive_policy.as_ref().map(RedrivePolicy::to_json);
        let size = self.maximum_message_size.to_string();
        let all = [
            ("DelaySeconds", Some(seconds(self.delay))),
            ("MaximumMessageSize", Some(size)),
            ("MessageRetentionPeriod", Some(seconds(self.retention))),
            (
                "ReceiveMessageWaitTimeSeconds",
                Some(seconds(self.receive_wait)),
            ),
            ("RedrivePolicy", policy),
            ("VisibilityTimeout", Some(seconds(self.visibility_timeout))),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
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
                "Must be a JSON object with deadLetterTargetArn, the ARN of a queue, and \
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

fn invalid(name: &str, reason: &str) -> Error {
    Error::InvalidParameterValue(format!(
        "The value for parameter {name} is invalid. Reason: {reason}"
    ))
}
