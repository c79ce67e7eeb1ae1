//! Messages: as they are sent, and as they are received.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{Error, address, queue_attributes::QueueAttributes};

/// A message to send.
#[derive(Clone, Default)]
pub struct NewMessage {
    /// The text; not empty, and of characters that XML 1.0 can carry.
    pub body: String,
    /// How long it stays hidden; by default as long as the queue says.
    pub delay: Option<Duration>,
    /// The system attribute `AWSTraceHeader`.
    pub trace_header: Option<String>,
}

/// A message as it was received. It stays hidden from other receives until its visibility time-out
/// is over, and comes back then unless it is deleted.
#[derive(Clone)]
pub struct Message {
    /// The message's id, a UUID.
    pub message_id: String,
    /// Names this receive, to delete the message or to change its visibility.
    pub receipt_handle: String,
    /// The text.
    pub body: String,
    /// When it was sent, in Unix milliseconds.
    pub(crate) sent_at_ms: i64,
    /// When it was first received, in Unix milliseconds.
    pub(crate) first_received_at_ms: i64,
    /// How often it has been received, this time included, before it was dead-lettered too.
    pub(crate) receive_count: i64,
    /// The ARN of the queue that it was dead-lettered from.
    pub(crate) dead_letter_source: Option<String>,
    /// The system attribute `AWSTraceHeader`.
    pub(crate) trace_header: Option<String>,
}

impl NewMessage {
    /// A message with a body and nothing else.
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            ..Self::default()
        }
    }

    /// Checks the message against the limits of SQS and of its queue.
    pub(crate) fn check(&self, queue: &QueueAttributes) -> Result<(), Error> {
        if self.body.is_empty() {
            return Err(Error::MissingParameter("MessageBody"));
        }
        if !self.body.chars().all(is_carried) {
            return Err(Error::InvalidMessageContents);
        }
        let limit = queue.maximum_message_size;
        if i64::try_from(self.body.len()).is_ok_and(|size| size > limit) {
            return Err(Error::InvalidParameterValue(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {limit} \
                 bytes."
            )));
        }
        Ok(())
    }
}

impl Message {
    /// The MD5 of the body in hexadecimal, as SQS gives it.
    pub fn md5_of_body(&self) -> String {
        md5_of_text(&self.body)
    }

    /// The system attributes as SQS names and writes them.
    pub fn system_attributes(&self) -> BTreeMap<&'static str, String> {
        let mut attributes = BTreeMap::from([
            (
                "ApproximateFirstReceiveTimestamp",
                self.first_received_at_ms.to_string(),
            ),
            ("ApproximateReceiveCount", self.receive_count.to_string()),
            ("SenderId", address::ACCOUNT_ID.to_owned()),
            ("SentTimestamp", self.sent_at_ms.to_string()),
        ]);
        if let Some(header) = &self.trace_header {
            attributes.insert("AWSTraceHeader", header.clone());
        }
        if let Some(arn) = &self.dead_letter_source {
            attributes.insert("DeadLetterQueueSourceArn", arn.clone());
        }
        attributes
    }
}

// Bodies stay out of logs.
impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage")
            .field("size", &self.body.len())
            .field("delay", &self.delay)
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
