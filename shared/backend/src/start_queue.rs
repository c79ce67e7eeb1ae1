//! The queue that issuances are started from.

use std::time::Duration;

use bestow_aws::CallError;
use bestow_aws::Sqs;
use bestow_aws::queue::{BATCH_MESSAGES, Queue};
use bestow_jobs::StartMessage;
use bestow_jobs::ports::QueueError;
use futures::{StreamExt, TryStreamExt, stream};

/// How many batches are under way at a time.
const BATCHES: usize = 4;

/// The start queue on SQS.
#[derive(Debug, Clone)]
pub struct StartQueue(Queue);

impl StartQueue {
    /// The queue at `url`.
    pub fn new(client: Sqs, url: &str) -> Self {
        Self(Queue::new(client, url))
    }

    /// Makes the message that `receipt_handle` names visible again after `delay` (at most 12 hours).
    pub async fn postpone(&self, receipt_handle: &str, delay: Duration) -> Result<(), CallError> {
        self.0.postpone(receipt_handle, seconds(delay)).await
    }
}

impl bestow_jobs::ports::StartQueue for StartQueue {
    async fn send(&self, message: &StartMessage, delay: Duration) -> Result<(), QueueError> {
        let sent = self.0.send_json(message, seconds(delay)).await;
        sent.map_err(|fault| QueueError(fault.into()))
    }

    async fn send_all(&self, messages: &[StartMessage]) -> Result<(), QueueError> {
        let bodies = messages.iter().map(body).collect::<Result<Vec<_>, _>>()?;
        stream::iter(bodies.chunks(BATCH_MESSAGES).map(<[_]>::to_vec))
            .map(|batch| self.0.send_batch(batch))
            .buffer_unordered(BATCHES)
            .try_collect()
            .await
            .map_err(|fault: CallError| QueueError(fault.into()))
    }
}

fn body(message: &StartMessage) -> Result<String, QueueError> {
    serde_json::to_string(message).map_err(|fault| QueueError(fault.into()))
}

fn seconds(delay: Duration) -> u32 {
    u32::try_from(delay.as_secs()).unwrap_or(u32::MAX)
}
