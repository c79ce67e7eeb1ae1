//! The queues of a local cloud, spoken to in the JSON protocol of SQS.

use bestow_local::RunningCloud;
use bestow_queue_service::QueueService;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{PATIENCE, http_client};
use crate::eventually::eventually;

/// A client of the embedded SQS.
pub struct Queues {
    http: reqwest::Client,
    service: QueueService,
    endpoint: String,
    poll_queue: String,
    dead_letters: String,
    webhook_queue: String,
    webhook_dead_letters: String,
    start_queue: String,
    dead_starts: String,
}

impl Queues {
    pub fn of(cloud: &RunningCloud) -> Self {
        let queue = |name: &str| {
            cloud
                .queue_url(name)
                .unwrap_or_else(|| panic!("no queue {name}"))
        };
        Self {
            http: http_client(),
            service: cloud.queues().clone(),
            endpoint: cloud.sqs_endpoint().to_owned(),
            poll_queue: queue("PollQueue"),
            dead_letters: queue("PollDeadLetterQueue"),
            webhook_queue: queue("WebhookQueue"),
            webhook_dead_letters: queue("WebhookDeadLetterQueue"),
            start_queue: queue("StartQueue"),
            dead_starts: queue("StartDeadLetterQueue"),
        }
    }

    /// Puts a poll for now on the queue.
    pub async fn poll(&self, correlation_id: &str, attempt: u32) {
        let message = json!({"correlation_id": correlation_id, "attempt": attempt});
        self.send(&message.to_string()).await;
    }

    /// Puts any message on the poll queue, due now.
    pub async fn send(&self, body: &str) {
        let message = json!({"QueueUrl": self.poll_queue, "MessageBody": body});
        self.sqs("SendMessage", &message).await;
    }

    /// Takes every message off the poll queue: what was due is lost.
    pub async fn lose_polls(&self) {
        self.sqs("PurgeQueue", &json!({"QueueUrl": self.poll_queue}))
            .await;
        assert_eq!(
            self.count(&self.poll_queue, &["", "Delayed", "NotVisible"])
                .await,
            0
        );
    }

    /// Waits until every poll that is due has been dealt with.
    pub async fn settle(&self) {
        eventually("no poll is due", PATIENCE, async || {
            (self.count(&self.poll_queue, &["", "NotVisible"]).await == 0).then_some(())
        })
        .await;
    }

    /// Every message that can be seen in any queue, by the queue's name, with all its attributes.
    pub async fn every_message(&self) -> Vec<(String, Value)> {
        let mut all = Vec::new();
        for name in self.service.queue_names().expect("names") {
            let found = self.sqs("GetQueueUrl", &json!({"QueueName": name})).await;
            let request = json!({
                "QueueUrl": found["QueueUrl"], "MaxNumberOfMessages": 10, "VisibilityTimeout": 30, "WaitTimeSeconds": 0,
                "AttributeNames": ["All"], "MessageAttributeNames": ["All"],
            });
            loop {
                let mut page = self.sqs("ReceiveMessage", &request).await;
                let Value::Array(messages) = page["Messages"].take() else {
                    break;
                };
                if messages.is_empty() {
                    break;
                }
                all.extend(messages.into_iter().map(|one| (name.clone(), one)));
            }
        }
        all
    }

    /// How many polls wait for their time.
    pub async fn delayed(&self) -> u64 {
        self.count(&self.poll_queue, &["Delayed"]).await
    }

    /// How many messages were given up.
    pub async fn dead(&self) -> u64 {
        self.count(&self.dead_letters, &["", "Delayed", "NotVisible"])
            .await
    }

    /// Puts any message on the webhook queue, due now.
    pub async fn send_delivery(&self, body: &str) {
        let message = json!({"QueueUrl": self.webhook_queue, "MessageBody": body});
        self.sqs("SendMessage", &message).await;
    }

    /// Puts an attempt of a delivery on the webhook queue, due now.
    pub async fn deliver(&self, delivery_id: &str, attempt: u32) {
        let message = json!({"delivery_id": delivery_id, "attempt": attempt});
        self.send_delivery(&message.to_string()).await;
    }

    /// How many messages of deliveries were given up.
    pub async fn dead_deliveries(&self) -> u64 {
        let kinds = ["", "Delayed", "NotVisible"];
        self.count(&self.webhook_dead_letters, &kinds).await
    }

    /// Has messages of deliveries that failed delivered again after a second, so that no test waits for what
    /// the template says.
    pub fn redeliver_at_once(&self) {
        let (_, name) = self.webhook_queue.rsplit_once('/').expect("a queue URL");
        let set = self
            .service
            .create_queue(name, [("VisibilityTimeout", "1")]);
        set.expect("a queue");
    }

    /// Puts a message on the start queue, as a pipeline does, and gives its id.
    pub async fn send_start(&self, body: &str) -> String {
        let message = json!({"QueueUrl": self.start_queue, "MessageBody": body});
        let sent = self.sqs("SendMessage", &message).await;
        sent["MessageId"].as_str().expect("an id").to_owned()
    }

    /// Waits until every start that is due has been dealt with.
    pub async fn settle_starts(&self) {
        eventually("no start is due", PATIENCE, async || {
            (self.count(&self.start_queue, &["", "NotVisible"]).await == 0).then_some(())
        })
        .await;
    }

    /// How many messages of the start queue were given up.
    pub async fn dead_starts(&self) -> u64 {
        self.count(&self.dead_starts, &["", "Delayed", "NotVisible"])
            .await
    }

    async fn count(&self, queue: &str, kinds: &[&str]) -> u64 {
        let request = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
        let answer = self.sqs("GetQueueAttributes", &request).await;
        let number = |kind: &&str| {
            let name = format!("ApproximateNumberOfMessages{kind}");
            let number = answer["Attributes"][&name].as_str().expect("a number");
            number.parse::<u64>().expect("a number")
        };
        kinds.iter().map(number).sum()
    }

    async fn sqs(&self, operation: &str, body: &Value) -> Value {
        let request = self
            .http
            .post(&self.endpoint)
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(body.to_string());
        Answer::to(request).await.expect(200).body
    }
}
