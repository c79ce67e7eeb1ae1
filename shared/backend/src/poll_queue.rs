//! The poll queue on SQS.

use std::time::Duration;

use bestow_aws::queue::Queue;
use bestow_aws::sdk::Sdk;
use bestow_aws::{CallError, Sqs};
use bestow_issuance::ports::{QueueError, QueueMessage};
use bestow_runtime::{ConfigError, Env};

/// The poll queue on SQS.
#[derive(Debug, Clone)]
pub struct PollQueue {
    queue: Queue,
    send_timeout: Option<Duration>,
}

impl PollQueue {
    /// The queue at `url`.
    pub fn new(client: Sqs, url: &str) -> Self {
        Self {
            queue: Queue::new(client, url),
            send_timeout: None,
        }
    }

    /// The queue at `POLL_QUEUE_URL`.
    pub fn from_env(env: &Env, sdk: &Sdk) -> Result<Self, ConfigError> {
        let url = env.required("POLL_QUEUE_URL", "the URL of the poll queue")?;
        Ok(Self::new(sdk.sqs(), url))
    }

    /// The queue with sends that fail after `timeout`, though the message may have been taken.
    #[must_use]
    pub fn with_send_timeout(self, timeout: Duration) -> Self {
        Self {
            send_timeout: Some(timeout),
            ..self
        }
    }

    /// Has the message that `receipt_handle` names delivered again after `delay` (at most 12 hours).
    pub async fn postpone(&self, receipt_handle: &str, delay: Duration) -> Result<(), CallError> {
        let seconds = whole_seconds(delay);
        self.queue.postpone(receipt_handle, seconds).await
    }
}

impl bestow_issuance::ports::PollQueue for PollQueue {
    async fn send(&self, message: &QueueMessage, delay: Duration) -> Result<(), QueueError> {
        let sending = self.queue.send_json(message, whole_seconds(delay));
        let sent = match self.send_timeout {
            None => sending.await,
            Some(timeout) => tokio::time::timeout(timeout, sending)
                .await
                .unwrap_or_else(|_| Err(CallError::unexpected("no answer in time"))),
        };
        sent.map_err(|fault| QueueError(fault.into()))
    }
}

/// SQS takes whole seconds. They are rounded up: a poll that comes too early would have to come again.
fn whole_seconds(delay: Duration) -> u32 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
