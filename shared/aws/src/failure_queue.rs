//! The queue of what could not be published.

use aws_sdk_sqs::Client;
use issuance::ports::QueueError;
use serde_json::Value;

use crate::{CallError, message_trace};

/// The queue that Lambda, too, tells of stream records that it gave up.
#[derive(Debug, Clone)]
pub struct FailureQueue {
    client: Client,
    url: String,
}

impl FailureQueue {
    /// The queue at `url`.
    pub fn new(client: Client, url: &str) -> Self {
        Self {
            client,
            url: url.to_owned(),
        }
    }

    /// Puts `message` on the queue. It must say where the record is, and nothing of what is in it.
    pub async fn send(&self, message: &Value) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.to_string())
            .set_message_system_attributes(message_trace::system_attributes())
            .send()
            .await
            .map(drop)
            .map_err(|fault| QueueError(Box::new(CallError::from_sdk(fault))))
    }
}
