//! The HTTP side: one address that takes every operation, as SQS's JSON protocol has it.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;

use crate::{Error, QueueService, address, protocol};

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const TARGET_PREFIX: &str = "AmazonSQS.";

/// The largest request in bytes: a batch of 1 MiB, whose JSON escapes may need several bytes each.
const MAXIMUM_REQUEST_SIZE: usize = 8 * 1024 * 1024;

/// What an operation works on.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) service: QueueService,
    public_base_url: Arc<str>,
}

impl Endpoint {
    pub(crate) fn queue_url(&self, name: &str) -> String {
        address::queue_url(&self.public_base_url, name)
    }
}

/// SDKs post to the endpoint itself, and some to the queue URL; the operation is in a header.
pub(crate) fn router(service: QueueService, public_base_url: &str) -> Router {
    Router::new()
        .route("/", post(handle))
        .route("/{account}/{queue}", post(handle))
        .layer(DefaultBodyLimit::max(MAXIMUM_REQUEST_SIZE))
        .with_state(Endpoint {
            service,
            public_base_url: public_base_url.into(),
        })
}

async fn handle(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix(TARGET_PREFIX));
    let answer = match operation {
        Some(operation) => protocol::answer(&endpoint, operation, &body).await,
        None => Err(Error::InvalidAction(
            target.unwrap_or("without x-amz-target").to_owned(),
        )),
    };
    match answer {
        Ok(answer) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], answer.to_string()).into_response(),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &Error) -> Response {
    error.log();
    let (status, fault) = if error.is_senders_fault() {
        (StatusCode::BAD_REQUEST, "Sender")
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, "Receiver")
    };
    let body = json!({"__type": error.shape(), "message": error.to_string()});
    let query_error = format!("{};{fault}", error.query_code());
    let headers = [
        (header::CONTENT_TYPE.as_str(), CONTENT_TYPE),
        ("x-amzn-query-error", &query_error),
    ];
    (status, headers, body.to_string()).into_response()
}
