//! The AWS side of a local cloud, spoken to in AWS's own JSON protocols: what is stored and what is queued.

use local::RunningCloud;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::http_client;

/// A client of the embedded DynamoDB and SQS.
pub struct Aws {
    http: reqwest::Client,
    dynamodb: String,
    sqs: String,
    pub issuance_table: String,
    pub poll_queue: String,
    pub dead_letters: String,
}

impl Aws {
    pub fn of(cloud: &RunningCloud) -> Self {
        let queue = |name: &str| {
            cloud
                .queue_url(name)
                .unwrap_or_else(|| panic!("no queue {name}"))
        };
        Self {
            http: http_client(),
            dynamodb: cloud.dynamodb_endpoint().to_owned(),
            sqs: cloud.sqs_endpoint().to_owned(),
            issuance_table: cloud.issuance_table().to_owned(),
            poll_queue: queue("PollQueue"),
            dead_letters: queue("PollDeadLetterQueue"),
        }
    }

    /// Everything in a table, as one JSON text.
    pub async fn dump(&self, table: &str) -> String {
        let scan = json!({"TableName": table, "ConsistentRead": true});
        let answer = self.dynamodb("Scan", &scan).await;
        assert_eq!(
            answer.get("LastEvaluatedKey"),
            None,
            "small enough for one page"
        );
        answer["Items"].to_string()
    }

    /// Puts a message on the poll queue.
    pub async fn send(&self, body: &str, delay_seconds: u32) {
        let message = json!({
            "QueueUrl": self.poll_queue, "MessageBody": body, "DelaySeconds": delay_seconds
        });
        self.sqs("SendMessage", &message).await;
    }

    /// How many messages a queue holds: visible, delayed or in flight.
    pub async fn depth(&self, queue: &str) -> u64 {
        let attributes = self
            .sqs(
                "GetQueueAttributes",
                &json!({"QueueUrl": queue, "AttributeNames": ["All"]}),
            )
            .await;
        ["", "Delayed", "NotVisible"]
            .iter()
            .map(|kind| {
                let name = format!("ApproximateNumberOfMessages{kind}");
                let number = attributes["Attributes"][&name].as_str().expect("a number");
                number.parse::<u64>().expect("a number")
            })
            .sum()
    }

    /// The message bodies that are visible in a queue; they stay in it.
    pub async fn peek(&self, queue: &str) -> Vec<String> {
        let request = json!({
            "QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0, "WaitTimeSeconds": 0
        });
        let messages = self.sqs("ReceiveMessage", &request).await;
        let bodies = messages["Messages"].as_array().cloned().unwrap_or_default();
        bodies
            .iter()
            .map(|message| message["Body"].as_str().expect("a body").to_owned())
            .collect()
    }

    pub async fn dynamodb(&self, operation: &str, body: &Value) -> Value {
        self.call(
            &self.dynamodb,
            &format!("DynamoDB_20120810.{operation}"),
            body,
        )
        .await
    }

    pub async fn sqs(&self, operation: &str, body: &Value) -> Value {
        self.call(&self.sqs, &format!("AmazonSQS.{operation}"), body)
            .await
    }

    async fn call(&self, endpoint: &str, target: &str, body: &Value) -> Value {
        let request = self
            .http
            .post(endpoint)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20260101/eu-west-1/x/aws4_request, \
                 SignedHeaders=host, Signature=0",
            )
            .header("x-amz-date", "20260101T000000Z")
            .body(body.to_string());
        Answer::to(request).await.expect(200).body
    }
}
