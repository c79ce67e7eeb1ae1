//! The queue that issuances are started from.

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

    /// Makes the message that `receipt_handle` names visible again after `seconds` (at most 43,200).
    pub async fn postpone(&self, receipt_handle: &str, seconds: u32) -> Result<(), CallError> {
        self.0.postpone(receipt_handle, seconds).await
    }
}

impl bestow_jobs::ports::StartQueue for StartQueue {
    async fn send(&self, message: &StartMessage, delay_seconds: u32) -> Result<(), QueueError> {
        let sent = self.0.send(body(message)?, delay_seconds).await;
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
    message.write().map_err(|fault| QueueError(fault.into()))
}
