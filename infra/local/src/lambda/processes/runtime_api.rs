//! The Lambda Runtime API (version 2018-06-01) for one process.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{
    InvokeError,
    pool::{Pool, ProcessId},
};
use crate::template::arn;

/// Lambda's limit for the answer of a synchronous invocation, in bytes, and some room for what the
/// runtime adds.
const MAXIMUM_ANSWER: usize = 6 * 1024 * 1024 + 1024;

/// Who asks.
#[derive(Clone)]
struct Caller {
    pool: Arc<Pool>,
    id: ProcessId,
}

pub(super) fn router(pool: Arc<Pool>, id: ProcessId) -> Router {
    let runtime = Router::new()
        .route("/invocation/next", get(next))
        .route("/invocation/{request_id}/response", post(response))
        .route("/invocation/{request_id}/error", post(error))
        .route("/init/error", post(init_error));
    Router::new()
        .nest("/2018-06-01/runtime", runtime)
        .layer(DefaultBodyLimit::max(MAXIMUM_ANSWER))
        .with_state(Caller { pool, id })
}

/// Answers when there is an invocation; the runtime waits without a time-out.
async fn next(State(caller): State<Caller>) -> Response {
    let (request_id, payload) = caller.pool.next(caller.id).await;
    let config = caller.pool.config();
    let deadline = Timestamp::now() + config.timeout;
    let headers = [
        (CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", request_id),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millisecond().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            arn("lambda", "function:", &config.name),
        ),
        ("lambda-runtime-trace-id", trace_id(deadline.as_second())),
    ];
    (headers, payload).into_response()
}

async fn response(
    State(caller): State<Caller>,
    Path(request_id): Path<String>,
    body: Bytes,
) -> Response {
    accepted(caller.pool.answer(caller.id, &request_id, Ok(body)))
}

async fn error(
    State(caller): State<Caller>,
    Path(request_id): Path<String>,
    body: Bytes,
) -> Response {
    let Reported { kind, message } = Reported::read(&body);
    let error = InvokeError::Function { kind, message };
    accepted(caller.pool.answer(caller.id, &request_id, Err(error)))
}

async fn init_error(State(caller): State<Caller>, body: Bytes) -> Response {
    let Reported { kind, message } = Reported::read(&body);
    caller
        .pool
        .note_init_error(caller.id, format!("{kind}: {message}"));
    accepted(true)
}

/// An error as runtimes report it.
#[derive(Deserialize)]
struct Reported {
    #[serde(rename = "errorType", default)]
    kind: String,
    #[serde(rename = "errorMessage", default)]
    message: String,
}

impl Reported {
    /// Lambda takes any body; one of another shape says nothing.
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| Self {
            kind: "Unknown".to_owned(),
            message: "the runtime reported no error object".to_owned(),
        })
    }
}

fn accepted(known: bool) -> Response {
    if known {
        return (StatusCode::ACCEPTED, Json(json!({"status": "OK"}))).into_response();
    }
    let body = json!({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// An X-Ray trace id that is not sampled.
fn trace_id(now_s: i64) -> String {
    let random = Uuid::new_v4().simple().to_string();
    let random = random.get(..24).unwrap_or_default();
    format!("Root=1-{now_s:08x}-{random};Sampled=0")
}
