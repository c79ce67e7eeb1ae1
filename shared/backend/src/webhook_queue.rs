//! The queue of deliveries that are due later.

use std::time::Duration;

use bestow_aws::Sqs;
use bestow_aws::queue::Queue;
use bestow_webhooks::ports::{DeliveryMessage, WebhookQueueError};

/// The webhook queue on SQS.
#[derive(Debug, Clone)]
pub struct WebhookQueue(Queue);

impl WebhookQueue {
    /// The queue at `url`.
    pub fn new(client: Sqs, url: &str) -> Self {
        Self(Queue::new(client, url))
    }
}

impl bestow_webhooks::ports::WebhookQueue for WebhookQueue {
    async fn send(
        &self,
        message: &DeliveryMessage,
        delay: Duration,
    ) -> Result<(), WebhookQueueError> {
        let delay_seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
        let sent = self.0.send_json(message, delay_seconds).await;
        sent.map_err(|fault| WebhookQueueError(fault.into()))
    }
}
