//! One request and its answer, as API Gateway makes them.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::json;
use tower::ServiceExt;

use super::http_event;
use crate::lambda::processes::LambdaFunction;
use crate::template::Route;

/// The largest request that API Gateway takes, in bytes.
const MAXIMUM_REQUEST: usize = 10 * 1024 * 1024;

/// Invokes a function with a request that came in on a route, and gives its response. Whatever goes
/// wrong is answered as API Gateway does, which tells the client nothing of the cause; that is logged.
pub async fn of_processes(function: &LambdaFunction, route: &Route, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAXIMUM_REQUEST).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let Some(event) = http_event::event(&request, &body, route, Timestamp::now()) else {
        return bad_request();
    };
    match function.invoke(event.to_string()).await {
        Ok(answer) => http_event::response(&answer).unwrap_or_else(|| {
            tracing::error!(
                function = function.name(),
                "the function's answer is malformed"
            );
            failed()
        }),
        Err(fault) => {
            tracing::error!(function = function.name(), %fault, "the invocation failed");
            failed()
        }
    }
}

/// The answer of a function's `routes` in this process, to the path that they would get behind API Gateway: what
/// works here also works deployed.
pub(super) async fn in_process(routes: Router, mut request: Request) -> Response {
    let Some(uri) = http_event::delivered_uri(request.uri()) else {
        return bad_request();
    };
    *request.uri_mut() = uri;
    match routes.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn bad_request() -> Response {
    message(StatusCode::BAD_REQUEST, "Bad Request")
}

/// The answer for a function that failed, in whatever way.
pub(super) fn failed() -> Response {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// An answer of API Gateway's own.
pub(super) fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"message": text}))).into_response()
}
