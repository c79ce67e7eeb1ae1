//! The queue that issuances are started from.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::{StreamExt, TryStreamExt, stream};
use jobs::StartMessage;
use jobs::ports::QueueError;

use crate::{CallError, message_trace};

/// The most messages of one SendMessageBatch.
const BATCH: usize = 10;
/// How many batches are under way at a time.
const BATCHES: usize = 4;
/// How often the messages of a batch are sent that the queue did not take, and how long to wait before
/// the second time; each further wait is twice as long.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// The start queue on SQS.
#[derive(Debug, Clone)]
pub struct StartQueue {
    client: Client,
    url: String,
}

impl StartQueue {
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

    /// Sends up to [`BATCH`] messages together, those again that are not taken.
    async fn send_batch(&self, messages: Vec<StartMessage>) -> Result<(), QueueError> {
        let mut entries = messages
            .iter()
            .enumerate()
            .map(|(index, message)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body(message)?)
                    .set_message_system_attributes(message_trace::system_attributes())
                    .build()
                    .map_err(|fault| QueueError(fault.into()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut pause = PAUSE;
        for attempt in 1..=TRIES {
            let answer = self
                .client
                .send_message_batch()
                .queue_url(&self.url)
                .set_entries(Some(entries.clone()))
                .send()
                .await
                .map_err(|fault| QueueError(Box::new(CallError::from_sdk(fault))))?;
            entries.retain(|entry| answer.failed().iter().any(|failed| failed.id == entry.id));
            if entries.is_empty() {
                return Ok(());
            }
            if attempt < TRIES {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        Err(QueueError(Box::new(CallError::unexpected(
            "messages of a batch were not taken again and again",
        ))))
    }
}

impl jobs::ports::StartQueue for StartQueue {
    async fn send(&self, message: &StartMessage, delay_seconds: u32) -> Result<(), QueueError> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body(message)?)
            .set_message_system_attributes(message_trace::system_attributes())
            .delay_seconds(i32::try_from(delay_seconds).unwrap_or(i32::MAX))
            .send()
            .await
            .map(|_| ())
            .map_err(|fault| QueueError(Box::new(CallError::from_sdk(fault))))
    }

    async fn send_all(&self, messages: &[StartMessage]) -> Result<(), QueueError> {
        stream::iter(messages.chunks(BATCH).map(<[_]>::to_vec))
            .map(|batch| self.send_batch(batch))
            .buffer_unordered(BATCHES)
            .try_collect()
            .await
    }
}

fn body(message: &StartMessage) -> Result<String, QueueError> {
    message.write().map_err(|fault| QueueError(fault.into()))
}
