//! The queue of deliveries that are due later.

use aws_sdk_sqs::Client;
use webhooks::ports::{DeliveryMessage, WebhookQueueError};

use crate::{CallError, message_trace};

/// The webhook queue on SQS.
#[derive(Debug, Clone)]
pub struct WebhookQueue {
    client: Client,
    url: String,
}

impl WebhookQueue {
    /// The queue at `url`.
    pub fn new(client: Client, url: &str) -> Self {
        Self {
            client,
            url: url.to_owned(),
        }
    }
}

impl webhooks::ports::WebhookQueue for WebhookQueue {
    async fn send(
        &self,
        message: &DeliveryMessage,
        delay_seconds: u32,
    ) -> Result<(), WebhookQueueError> {
        let body =
            serde_json::to_string(message).map_err(|fault| WebhookQueueError(fault.into()))?;
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_message_system_attributes(message_trace::system_attributes())
            .delay_seconds(i32::try_from(delay_seconds).unwrap_or(i32::MAX))
            .send()
            .await
            .map(|_| ())
            .map_err(|fault| WebhookQueueError(Box::new(CallError::from_sdk(fault))))
    }
}
