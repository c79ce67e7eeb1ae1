//! A service in memory whose clock is tokio's, so that a paused test waits for nothing, and the
//! endpoint called without a socket.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use bestow_queue_service::QueueService;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt as _;

const STARTED_AT_SECONDS: i64 = 1_760_000_000;

#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) service: QueueService,
    router: Router,
}

/// A refusal: HTTP status, the code that SDKs match on, `__type`, and the message.
#[derive(Debug)]
pub(crate) struct ErrorBody {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) shape: String,
    pub(crate) message: String,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        let started = Instant::now();
        let started_at = Timestamp::from_second(STARTED_AT_SECONDS).unwrap();
        let clock = move || started_at + started.elapsed();
        let service = QueueService::in_memory_with_clock(Arc::new(clock)).unwrap();
        let router = service.router("http://queues.test");
        Self { service, router }
    }

    /// Calls an operation.
    pub(crate) async fn call(&self, operation: &str, request: Value) -> Result<Value, ErrorBody> {
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .body(Body::from(request.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body: Value =
            serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
        if parts.status == StatusCode::OK {
            return Ok(body);
        }
        let query_error = parts.headers["x-amzn-query-error"].to_str().unwrap();
        let (code, _fault) = query_error.split_once(';').unwrap();
        Err(ErrorBody {
            status: parts.status,
            code: code.to_owned(),
            shape: body["__type"].as_str().unwrap().to_owned(),
            message: body["message"].as_str().unwrap().to_owned(),
        })
    }

    /// Creates a queue and gives its URL.
    pub(crate) fn queue(&self, name: &str, attributes: Value) -> String {
        let attributes: BTreeMap<String, String> = serde_json::from_value(attributes).unwrap();
        self.service.create_queue(name, attributes).unwrap();
        format!("http://queues.test/000000000000/{name}")
    }

    pub(crate) async fn send(&self, url: &str, body: &str) -> Value {
        self.call("SendMessage", json!({"QueueUrl": url, "MessageBody": body}))
            .await
            .unwrap()
    }

    /// Receives up to ten messages, and waits up to `wait_s` seconds for one.
    pub(crate) async fn receive(&self, url: &str, wait_s: u32) -> Vec<Value> {
        self.receive_with(json!({
            "QueueUrl": url, "WaitTimeSeconds": wait_s, "MaxNumberOfMessages": 10,
            "MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"],
        }))
        .await
    }

    pub(crate) async fn receive_with(&self, request: Value) -> Vec<Value> {
        let answer = self.call("ReceiveMessage", request).await.unwrap();
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    pub(crate) async fn delete(&self, url: &str, message: &Value) -> Result<Value, ErrorBody> {
        let handle = &message["ReceiptHandle"];
        self.call(
            "DeleteMessage",
            json!({"QueueUrl": url, "ReceiptHandle": handle}),
        )
        .await
    }
}

/// The bodies of messages, in order.
pub(crate) fn bodies(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message["Body"].as_str().unwrap())
        .collect()
}
