//! Messages: as they are sent, and as they are received.

use std::{collections::BTreeMap, fmt};

use aws_lc_rs::digest;

use crate::{
    Error, QueueAttributes, address,
    message_attributes::{self, Attributes},
    queue_attributes::MAXIMUM_DELAY_SECONDS,
};

/// A message to send.
#[derive(Clone, Default)]
pub struct NewMessage {
    /// The text; not empty, and of characters that XML 1.0 can carry.
    pub body: String,
    /// Seconds to stay hidden, 0 to 900; by default the queue's delay. A FIFO queue has only that.
    pub delay_seconds: Option<i64>,
    /// Message attributes by name.
    pub attributes: Attributes,
    /// The system attribute `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// The message group: required in a FIFO queue, a mere label in a standard queue.
    pub group_id: Option<String>,
    /// Of two messages with the same id within five minutes, the second one is dropped. FIFO only.
    pub deduplication_id: Option<String>,
}

/// What the sender of a message learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The message's id, a UUID. For a duplicate, the id of the first message.
    pub message_id: String,
    /// The position in a FIFO queue.
    pub sequence_number: Option<String>,
}

/// A message as it was received. It stays hidden from other receives until its visibility time-out
/// is over, and comes back then unless it is deleted.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The message's id, a UUID.
    pub message_id: String,
    /// Names this receive, to delete the message or to change its visibility.
    pub receipt_handle: String,
    /// The text.
    pub body: String,
    /// Message attributes by name.
    pub attributes: Attributes,
    /// When it was sent, in Unix milliseconds.
    pub sent_at_ms: i64,
    /// When it was first received, in Unix milliseconds.
    pub first_received_at_ms: i64,
    /// How often it has been received, this time included, before it was dead-lettered too.
    pub receive_count: i64,
    /// The ARN of the queue that it was dead-lettered from.
    pub dead_letter_source: Option<String>,
    /// The system attribute `AWSTraceHeader`.
    pub trace_header: Option<String>,
    /// The message group.
    pub group_id: Option<String>,
    /// The deduplication id, in a FIFO queue.
    pub deduplication_id: Option<String>,
    /// The position in a FIFO queue.
    pub sequence_number: Option<String>,
}

impl NewMessage {
    /// A message with a body and nothing else.
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// Body and attributes together, in bytes, as the limit counts them.
    pub(crate) fn size(&self) -> usize {
        self.body.len() + message_attributes::size(&self.attributes)
    }

    /// Checks the message against the limits of SQS and of its queue.
    pub(crate) fn check(&self, queue: &QueueAttributes) -> Result<(), Error> {
        if self.body.is_empty() {
            return Err(Error::MissingParameter("MessageBody"));
        }
        if !self.body.chars().all(is_carried) {
            return Err(Error::InvalidMessageContents);
        }
        let limit = usize::try_from(queue.maximum_message_size).unwrap_or(usize::MAX);
        if self.size() > limit {
            return Err(Error::InvalidParameterValue(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {limit} \
                 bytes."
            )));
        }
        match (self.delay_seconds, &queue.fifo) {
            (Some(delay), None) if !(0..=i64::from(MAXIMUM_DELAY_SECONDS)).contains(&delay) => {
                return Err(Error::InvalidParameterValue(format!(
                    "Value {delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds \
                     must be >= 0 and <= {MAXIMUM_DELAY_SECONDS}."
                )));
            }
            (Some(delay), Some(_)) if delay != 0 => {
                return Err(not_of_this_queue_type("DelaySeconds"));
            }
            _ => {}
        }
        for (name, id) in [
            ("MessageGroupId", &self.group_id),
            ("MessageDeduplicationId", &self.deduplication_id),
        ] {
            if id.as_ref().is_some_and(|id| !is_fifo_id(id)) {
                return Err(Error::InvalidParameterValue(format!(
                    "The value of {name} must be 1 to 128 alphanumeric and punctuation characters."
                )));
            }
        }
        match &queue.fifo {
            None if self.deduplication_id.is_some() => {
                Err(not_of_this_queue_type("MessageDeduplicationId"))
            }
            Some(_) if self.group_id.is_none() => Err(Error::MissingParameter("MessageGroupId")),
            _ => Ok(()),
        }
    }

    /// The id that tells duplicates in a FIFO queue: the sender's, or the SHA-256 of the body in
    /// hexadecimal where the queue deduplicates by content.
    pub(crate) fn fifo_deduplication_id(&self, content_based: bool) -> Result<String, Error> {
        match &self.deduplication_id {
            Some(id) => Ok(id.clone()),
            None if content_based => Ok(digest::digest(&digest::SHA256, self.body.as_bytes())
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()),
            None => Err(Error::InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or \
                 MessageDeduplicationId provided explicitly."
                    .to_owned(),
            )),
        }
    }
}

impl Message {
    /// The MD5 of the body in hexadecimal, as SQS gives it.
    pub fn md5_of_body(&self) -> String {
        md5_of_text(&self.body)
    }

    /// The system attributes as SQS names and writes them.
    pub fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let sender = || Some(address::ACCOUNT_ID.to_owned());
        [
            ("AWSTraceHeader", self.trace_header.clone()),
            (
                "ApproximateFirstReceiveTimestamp",
                Some(self.first_received_at_ms.to_string()),
            ),
            (
                "ApproximateReceiveCount",
                Some(self.receive_count.to_string()),
            ),
            ("DeadLetterQueueSourceArn", self.dead_letter_source.clone()),
            ("MessageDeduplicationId", self.deduplication_id.clone()),
            ("MessageGroupId", self.group_id.clone()),
            ("SenderId", sender()),
            ("SentTimestamp", Some(self.sent_at_ms.to_string())),
            ("SequenceNumber", self.sequence_number.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

// Bodies stay out of logs: what a queue carries is its users' business.
impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage")
            .field("size", &self.size())
            .field("delay_seconds", &self.delay_seconds)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("message_id", &self.message_id)
            .field("receive_count", &self.receive_count)
            .finish_non_exhaustive()
    }
}

/// The MD5 of a text in hexadecimal.
pub(crate) fn md5_of_text(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}

/// The characters of XML 1.0 §2.2, which are those that SQS carries.
fn is_carried(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// A group or deduplication id: 1 to 128 letters, digits and ASCII punctuation.
fn is_fifo_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte.is_ascii_punctuation())
}

fn not_of_this_queue_type(parameter: &str) -> Error {
    Error::InvalidParameterValue(format!(
        "The request includes parameter {parameter}, which is not valid for this queue type."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_must_fit_its_queue() {
        let standard = QueueAttributes::new(false);
        let fifo = QueueAttributes::new(true);
        let body = || NewMessage::new("x");
        let group = || Some("g".to_owned());
        for (message, queue, accepted) in [
            (body(), &standard, true),
            (NewMessage::new(""), &standard, false),
            (NewMessage::new("\u{1}"), &standard, false),
            (NewMessage::new("\u{ffff}"), &standard, false),
            (NewMessage::new("\u{1F600}\n"), &standard, true),
            (NewMessage::new("x".repeat(1_048_576)), &standard, true),
            (NewMessage::new("x".repeat(1_048_577)), &standard, false),
            (
                NewMessage {
                    delay_seconds: Some(900),
                    ..body()
                },
                &standard,
                true,
            ),
            (
                NewMessage {
                    delay_seconds: Some(901),
                    ..body()
                },
                &standard,
                false,
            ),
            (
                NewMessage {
                    delay_seconds: Some(-1),
                    ..body()
                },
                &standard,
                false,
            ),
            (
                NewMessage {
                    group_id: group(),
                    ..body()
                },
                &standard,
                true,
            ),
            (
                NewMessage {
                    deduplication_id: group(),
                    ..body()
                },
                &standard,
                false,
            ),
            (
                NewMessage {
                    group_id: group(),
                    ..body()
                },
                &fifo,
                true,
            ),
            (body(), &fifo, false),
            (
                NewMessage {
                    group_id: Some(String::new()),
                    ..body()
                },
                &fifo,
                false,
            ),
            (
                NewMessage {
                    group_id: group(),
                    delay_seconds: Some(1),
                    ..body()
                },
                &fifo,
                false,
            ),
        ] {
            assert_eq!(message.check(queue).is_ok(), accepted, "{message:?}");
        }
    }

    #[test]
    fn a_body_is_not_in_debug_output() {
        assert!(!format!("{:?}", NewMessage::new("a claim")).contains("claim"));
    }
}
