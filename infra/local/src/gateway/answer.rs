//! One request and its answer, as API Gateway makes them.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::json;

use super::http_event;
use crate::lambda::host::Target;
use crate::lambda::processes::LambdaFunction;
use crate::template::Route;

/// The largest request that API Gateway takes, in bytes.
const MAXIMUM_REQUEST: usize = 10 * 1024 * 1024;

/// As the gateway does, invokes a function's processes with a request that came in on a route, and gives the response.
pub async fn of_processes(function: &LambdaFunction, route: &Route, request: Request) -> Response {
    answer(&Target::of_processes(function.clone()), route, request).await
}

/// Invokes a function with a request that came in on a route, and gives its response. Whatever goes
/// wrong is answered as API Gateway does, which tells the client nothing of the cause; that is logged.
pub(super) async fn answer(function: &Target, route: &Route, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAXIMUM_REQUEST).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let Some(event) = http_event::event(&request, &body, route, Timestamp::now()) else {
        return message(StatusCode::BAD_REQUEST, "Bad Request");
    };
    let answer = function.invoke(event).await;
    let response = answer.and_then(|answer| {
        http_event::response(answer).ok_or_else(|| "the function's answer is malformed".to_owned())
    });
    response.unwrap_or_else(|fault| {
        tracing::error!(function = function.name, fault, "the invocation failed");
        message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    })
}

/// An answer of API Gateway's own.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"message": text}))).into_response()
}
