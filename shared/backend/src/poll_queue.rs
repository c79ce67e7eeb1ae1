//! The queue of polls that are due later.

use std::time::Duration;

use bestow_aws::CallError;
use bestow_aws::Sqs;
use bestow_aws::queue::Queue;
use bestow_issuance::ports::{CredentialCheck, PollMessage, QueueError};
use serde::Serialize;

/// The poll queue on SQS.
#[derive(Debug, Clone)]
pub struct PollQueue {
    queue: Queue,
    send_limit: Option<Duration>,
}

impl PollQueue {
    /// The queue at `url`.
    pub fn new(client: Sqs, url: &str) -> Self {
        Self {
            queue: Queue::new(client, url),
            send_limit: None,
        }
    }

    /// The queue for a sender who has no time: a send that takes longer than `limit` fails, though its
    /// message may have been taken.
    #[must_use]
    pub fn giving_up_after(self, limit: Duration) -> Self {
        Self {
            send_limit: Some(limit),
            ..self
        }
    }

    /// Makes the message that `receipt_handle` names visible again after `seconds` (at most 43,200).
    pub async fn postpone(&self, receipt_handle: &str, seconds: u32) -> Result<(), CallError> {
        self.queue.postpone(receipt_handle, seconds).await
    }

    async fn send_json(
        &self,
        message: &impl Serialize,
        delay_seconds: u32,
    ) -> Result<(), QueueError> {
        let sending = self.queue.send_json(message, delay_seconds);
        let sent = match self.send_limit {
            None => sending.await,
            Some(limit) => tokio::time::timeout(limit, sending)
                .await
                .unwrap_or_else(|_| Err(CallError::unexpected("no answer in time"))),
        };
        sent.map_err(|fault| QueueError(fault.into()))
    }
}

impl bestow_issuance::ports::PollQueue for PollQueue {
    async fn send(&self, message: &PollMessage, delay_seconds: u32) -> Result<(), QueueError> {
        self.send_json(message, delay_seconds).await
    }
}

impl bestow_issuance::ports::CheckQueue for PollQueue {
    async fn send_check(
        &self,
        message: &CredentialCheck,
        delay_seconds: u32,
    ) -> Result<(), QueueError> {
        self.send_json(message, delay_seconds).await
    }
}
