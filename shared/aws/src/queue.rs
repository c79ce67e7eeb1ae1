//! A queue.

use std::collections::HashMap;

use aws_sdk_sqs::types::{
    MessageSystemAttributeNameForSends as Name, MessageSystemAttributeValue as Value,
    SendMessageBatchRequestEntry,
};
use bestow_runtime::trace;
use serde::Serialize;

use crate::CallError;
use crate::retry::{Batch, send_batch};
use crate::service::Sqs;

/// The most messages of one SendMessageBatch.
pub const BATCH_MESSAGES: usize = 10;
/// How often the messages of a batch are sent again that the queue did not take.
const REPEATS: usize = 3;

/// A queue on SQS.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Sqs,
    url: String,
}

impl Queue {
    /// The queue at `url`.
    pub fn new(client: Sqs, url: &str) -> Self {
        Self {
            client,
            url: url.to_owned(),
        }
    }

    /// Sends a message, to be delivered after `delay_seconds` (0 to 900).
    pub async fn send(&self, body: String, delay_seconds: u32) -> Result<(), CallError> {
        let send = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_message_system_attributes(trace_of_caller())
            .delay_seconds(whole(delay_seconds));
        let sent = self.client.send(&send).await;
        sent.map(drop).map_err(CallError::from_sdk)
    }

    /// Sends a message as JSON: see [`Self::send`].
    pub async fn send_json(
        &self,
        message: &impl Serialize,
        delay_seconds: u32,
    ) -> Result<(), CallError> {
        let body = serde_json::to_string(message)
            .map_err(|_| CallError::unexpected("a message that JSON cannot say"))?;
        self.send(body, delay_seconds).await
    }

    /// Sends up to [`BATCH_MESSAGES`] messages together, and again those that are not taken.
    pub async fn send_batch(&self, bodies: Vec<String>) -> Result<(), CallError> {
        let entries = (0..)
            .zip(bodies)
            .map(|(index, body): (usize, _)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body)
                    .set_message_system_attributes(trace_of_caller())
                    .build()
                    .map_err(|_| CallError::unexpected("a message without a body"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let sent = send_batch(entries, REPEATS, |entries| self.send_entries(entries)).await?;
        if sent.left_out.is_empty() {
            return Ok(());
        }
        Err(CallError::left_out())
    }

    async fn send_entries(
        &self,
        mut entries: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<Batch<(), SendMessageBatchRequestEntry>, CallError> {
        let send = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries.clone()));
        let answer = self.client.send(&send).await.map_err(CallError::from_sdk)?;
        entries.retain(|entry| answer.failed().iter().any(|failed| failed.id == entry.id));
        Ok(Batch {
            found: Vec::new(),
            left_out: entries,
        })
    }

    /// Makes the message that `receipt_handle` names visible again after `seconds` (at most 43,200).
    pub async fn postpone(&self, receipt_handle: &str, seconds: u32) -> Result<(), CallError> {
        let change = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(whole(seconds));
        let sent = self.client.send(&change).await;
        sent.map(drop).map_err(CallError::from_sdk)
    }
}

/// Makes a message a part of the trace that the calling task works for. It overrides the header that the call itself
/// carries, which names the trace of the invocation: that of a batch.
fn trace_of_caller() -> Option<HashMap<Name, Value>> {
    let header = trace::current()?;
    let value = Value::builder().data_type("String");
    let value = value.string_value(header.as_str()).build().ok()?;
    Some(HashMap::from([(Name::AwsTraceHeader, value)]))
}

fn whole(seconds: u32) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
