//! The queue of polls that are due later.

use aws_sdk_sqs::Client;
use issuance::ports::{PollMessage, QueueError};

use crate::CallError;

/// The poll queue on SQS.
#[derive(Debug, Clone)]
pub struct PollQueue {
    client: Client,
    url: String,
}

impl PollQueue {
    /// The queue at `url`.
    pub fn new(client: Client, url: &str) -> Self {
        Self {
            client,
            url: url.to_owned(),
        }
    }

    /// Makes the message that `receipt_handle` names visible again after `seconds` (at most 43,200).
    pub async fn postpone(&self, receipt_handle: &str, seconds: u32) -> Result<(), QueueError> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX))
            .send()
            .await
            .map(|_| ())
            .map_err(|fault| QueueError(Box::new(CallError::from_sdk(fault))))
    }
}

impl issuance::ports::PollQueue for PollQueue {
    async fn send(&self, message: &PollMessage, delay_seconds: u32) -> Result<(), QueueError> {
        let body = serde_json::to_string(message).map_err(|fault| QueueError(fault.into()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .delay_seconds(i32::try_from(delay_seconds).unwrap_or(i32::MAX))
            .send()
            .await
            .map(|_| ())
            .map_err(|fault| QueueError(Box::new(CallError::from_sdk(fault))))
    }
}
