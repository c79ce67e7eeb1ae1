//! A queue's settings: what `CreateQueue` and `SetQueueAttributes` take.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde_json::Value;

use crate::{Error, address};

/// The largest message, and the largest batch, in bytes (1 MiB since August 2025).
pub(crate) const MAXIMUM_MESSAGE_SIZE: u32 = 1_048_576;
/// The longest delay of a message, in seconds.
pub(crate) const MAXIMUM_DELAY_SECONDS: u32 = 900;
/// The longest visibility time-out, in seconds.
pub(crate) const MAXIMUM_VISIBILITY_SECONDS: u32 = 43_200;
/// The longest long poll, in seconds.
pub(crate) const MAXIMUM_WAIT_SECONDS: u32 = 20;

/// Attributes that are kept and shown, but have no effect here.
const WITHOUT_EFFECT: [&str; 5] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

/// The settings of one queue. Times are in seconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueAttributes {
    /// How long a message stays hidden after it was sent, unless the message says otherwise.
    pub delay_seconds: u32,
    /// The largest message: body and attributes together.
    pub maximum_message_size: u32,
    /// After this time a message is dropped.
    pub message_retention_seconds: u32,
    /// How long a receive waits that does not say.
    pub receive_wait_seconds: u32,
    /// How long a received message stays hidden, unless the receive says otherwise.
    pub visibility_timeout_seconds: u32,
    /// Where messages go that are received too often.
    pub redrive_policy: Option<RedrivePolicy>,
    /// Set for FIFO queues.
    pub fifo: Option<FifoSettings>,
    without_effect: BTreeMap<String, String>,
}

/// What is particular to a FIFO queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FifoSettings {
    /// A message without a deduplication id gets the SHA-256 of its body as one.
    pub content_based_deduplication: bool,
    /// Deduplication ids are compared within a message group, not within the queue.
    pub deduplicate_per_group: bool,
    /// The throughput limit is counted per message group. Shown, not enforced.
    pub throughput_per_group: bool,
}

/// When a message has been received `maximum_receives` times and is due again, it goes to the
/// dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedrivePolicy {
    /// The dead-letter queue's ARN.
    pub dead_letter_arn: String,
    /// 1 to 1000.
    pub maximum_receives: u32,
}

impl QueueAttributes {
    /// The defaults of SQS.
    pub fn new(fifo: bool) -> Self {
        Self {
            delay_seconds: 0,
            maximum_message_size: MAXIMUM_MESSAGE_SIZE,
            message_retention_seconds: 345_600,
            receive_wait_seconds: 0,
            visibility_timeout_seconds: 30,
            redrive_policy: None,
            fifo: fifo.then(FifoSettings::default),
            without_effect: BTreeMap::new(),
        }
    }

    /// Sets the attribute `name`, as SQS names it, to `value`, as SQS writes it. The empty text
    /// clears a policy. Fails with [`Error::InvalidAttributeName`] or
    /// [`Error::InvalidAttributeValue`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        match name {
            "DelaySeconds" => self.delay_seconds = number(name, value, 0..=MAXIMUM_DELAY_SECONDS)?,
            "MaximumMessageSize" => {
                self.maximum_message_size = number(name, value, 1024..=MAXIMUM_MESSAGE_SIZE)?;
            }
            "MessageRetentionPeriod" => {
                self.message_retention_seconds = number(name, value, 60..=1_209_600)?;
            }
            "ReceiveMessageWaitTimeSeconds" => {
                self.receive_wait_seconds = number(name, value, 0..=MAXIMUM_WAIT_SECONDS)?;
            }
            "VisibilityTimeout" => {
                self.visibility_timeout_seconds =
                    number(name, value, 0..=MAXIMUM_VISIBILITY_SECONDS)?;
            }
            "RedrivePolicy" => {
                self.redrive_policy = if value.is_empty() {
                    None
                } else {
                    Some(RedrivePolicy::parse(value)?)
                };
            }
            "FifoQueue" => {
                if one_of(name, value, "false", "true")? != self.fifo.is_some() {
                    return Err(invalid(name, "the kind of a queue cannot be changed."));
                }
            }
            "ContentBasedDeduplication" => {
                self.fifo_settings(name)?.content_based_deduplication =
                    one_of(name, value, "false", "true")?;
            }
            "DeduplicationScope" => {
                self.fifo_settings(name)?.deduplicate_per_group =
                    one_of(name, value, "queue", "messageGroup")?;
            }
            "FifoThroughputLimit" => {
                self.fifo_settings(name)?.throughput_per_group =
                    one_of(name, value, "perQueue", "perMessageGroupId")?;
            }
            _ if WITHOUT_EFFECT.contains(&name) => {
                if value.is_empty() {
                    self.without_effect.remove(name);
                } else {
                    self.without_effect
                        .insert(name.to_owned(), value.to_owned());
                }
            }
            _ => return Err(Error::InvalidAttributeName(name.to_owned())),
        }
        Ok(())
    }

    /// All attributes as SQS names and writes them: what `GetQueueAttributes` shows, less what is
    /// counted or derived.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = self.without_effect.clone();
        let mut put = |name: &str, value: String| map.insert(name.to_owned(), value);
        put("DelaySeconds", self.delay_seconds.to_string());
        put("MaximumMessageSize", self.maximum_message_size.to_string());
        put(
            "MessageRetentionPeriod",
            self.message_retention_seconds.to_string(),
        );
        put(
            "ReceiveMessageWaitTimeSeconds",
            self.receive_wait_seconds.to_string(),
        );
        put(
            "VisibilityTimeout",
            self.visibility_timeout_seconds.to_string(),
        );
        if let Some(policy) = &self.redrive_policy {
            put("RedrivePolicy", policy.to_json());
        }
        if let Some(fifo) = &self.fifo {
            let pick = |flag, yes: &str, no: &str| if flag { yes } else { no }.to_owned();
            put("FifoQueue", "true".to_owned());
            put(
                "ContentBasedDeduplication",
                pick(fifo.content_based_deduplication, "true", "false"),
            );
            put(
                "DeduplicationScope",
                pick(fifo.deduplicate_per_group, "messageGroup", "queue"),
            );
            put(
                "FifoThroughputLimit",
                pick(fifo.throughput_per_group, "perMessageGroupId", "perQueue"),
            );
        }
        map
    }

    /// Reads back what [`to_map`](Self::to_map) gave.
    pub(crate) fn from_map(map: &BTreeMap<String, String>) -> Result<Self, Error> {
        let mut attributes = Self::new(map.contains_key("FifoQueue"));
        for (name, value) in map {
            attributes.set(name, value)?;
        }
        Ok(attributes)
    }

    fn fifo_settings(&mut self, name: &str) -> Result<&mut FifoSettings, Error> {
        self.fifo
            .as_mut()
            .ok_or_else(|| Error::InvalidAttributeName(name.to_owned()))
    }
}

impl RedrivePolicy {
    /// Reads `{"deadLetterTargetArn": ARN, "maxReceiveCount": 1 to 1000, or the same as text}`.
    fn parse(json: &str) -> Result<Self, Error> {
        let parse = || {
            let policy: Value = serde_json::from_str(json).ok()?;
            let count = match policy.get("maxReceiveCount")? {
                Value::String(text) => text.parse().ok()?,
                count => u32::try_from(count.as_u64()?).ok()?,
            };
            let arn = policy.get("deadLetterTargetArn")?.as_str()?;
            address::name_in_arn(arn)?;
            (1..=1000).contains(&count).then(|| Self {
                dead_letter_arn: arn.to_owned(),
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

    /// The dead-letter queue's name.
    pub(crate) fn dead_letter_name(&self) -> &str {
        address::name_in_arn(&self.dead_letter_arn).unwrap_or_default()
    }

    fn to_json(&self) -> String {
        serde_json::json!({
            "deadLetterTargetArn": self.dead_letter_arn,
            "maxReceiveCount": self.maximum_receives,
        })
        .to_string()
    }
}

fn number(name: &str, value: &str, range: RangeInclusive<u32>) -> Result<u32, Error> {
    value
        .parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            invalid(
                name,
                &format!("it must be {} to {}.", range.start(), range.end()),
            )
        })
}

/// False for `no`, true for `yes`, an error for anything else.
fn one_of(name: &str, value: &str, no: &str, yes: &str) -> Result<bool, Error> {
    match value {
        _ if value.eq_ignore_ascii_case(no) => Ok(false),
        _ if value.eq_ignore_ascii_case(yes) => Ok(true),
        _ => Err(invalid(name, &format!("it must be {no} or {yes}."))),
    }
}

fn invalid(name: &str, reason: &str) -> Error {
    Error::InvalidAttributeValue {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_read_back_as_they_were_set() {
        let mut attributes = QueueAttributes::new(true);
        for (name, value) in [
            ("DelaySeconds", "900"),
            ("VisibilityTimeout", "43200"),
            ("ContentBasedDeduplication", "true"),
            ("DeduplicationScope", "messageGroup"),
            ("KmsMasterKeyId", "alias/queues"),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:d.fifo","maxReceiveCount":"5"}"#,
            ),
        ] {
            attributes.set(name, value).unwrap();
        }
        assert_eq!(
            QueueAttributes::from_map(&attributes.to_map()).unwrap(),
            attributes
        );
        assert_eq!(
            attributes.redrive_policy.as_ref().unwrap().maximum_receives,
            5
        );
        assert_eq!(
            attributes
                .redrive_policy
                .as_ref()
                .unwrap()
                .dead_letter_name(),
            "d.fifo"
        );
        attributes.set("RedrivePolicy", "").unwrap();
        assert_eq!(attributes.redrive_policy, None);
    }

    #[test]
    fn values_out_of_range_are_refused_and_the_attribute_is_named() {
        for (name, value) in [
            ("DelaySeconds", "901"),
            ("DelaySeconds", "-1"),
            ("VisibilityTimeout", "43201"),
            ("MessageRetentionPeriod", "59"),
            ("MaximumMessageSize", "1048577"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("RedrivePolicy", "{}"),
            ("FifoQueue", "true"),
        ] {
            let error = QueueAttributes::new(false).set(name, value).unwrap_err();
            assert!(
                matches!(&error, Error::InvalidAttributeValue { name: named, .. } if named == name),
                "{name}={value}: {error}"
            );
        }
        for name in ["Colour", "ContentBasedDeduplication", "QueueArn"] {
            let error = QueueAttributes::new(false).set(name, "true").unwrap_err();
            assert!(
                matches!(error, Error::InvalidAttributeName(_)),
                "{name}: {error}"
            );
        }
    }
}
