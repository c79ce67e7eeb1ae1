//! The queue of what could not be published.

use bestow_aws::CallError;
use bestow_aws::Sqs;
use bestow_aws::queue::Queue;
use serde_json::Value;

/// The queue that Lambda, too, tells of stream records that it gave up.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue(Queue);

impl DeadLetterQueue {
    /// The queue at `url`.
    pub fn new(client: Sqs, url: &str) -> Self {
        Self(Queue::new(client, url))
    }

    /// Puts `message` on the queue. It must say where the record is, and nothing of what is in it.
    pub async fn send(&self, message: &Value) -> Result<(), CallError> {
        self.0.send_json(message, 0).await
    }
}
