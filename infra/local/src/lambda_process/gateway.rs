//! What stands where API Gateway would: a request becomes an invocation, its answer a response.

use axum::{
    Json, Router,
    body::to_bytes,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{MethodFilter, MethodRouter, any, on},
};
use jiff::Timestamp;
use serde_json::json;
use tower::ServiceExt as _;

use super::{LambdaFunction, http_event};
use crate::template::Route;

/// The largest request that API Gateway takes, in bytes.
const MAXIMUM_REQUEST: usize = 10 * 1024 * 1024;

/// Answers a route with a function, for `Router::new().route(&route.axum_path(), gateway(function, &route))`.
pub fn gateway(function: LambdaFunction, route: &Route) -> MethodRouter {
    let filter = match route.method.as_str() {
        "DELETE" => Some(MethodFilter::DELETE),
        "GET" => Some(MethodFilter::GET),
        "HEAD" => Some(MethodFilter::HEAD),
        "OPTIONS" => Some(MethodFilter::OPTIONS),
        "PATCH" => Some(MethodFilter::PATCH),
        "POST" => Some(MethodFilter::POST),
        "PUT" => Some(MethodFilter::PUT),
        _ => None,
    };
    let route = route.clone();
    let handler = async move |request: Request| answer(&function, &route, request).await;
    match filter {
        Some(filter) => on(filter, handler),
        None => any(handler),
    }
}

/// Invokes a function with a request that came in on a route, and gives its response. Whatever goes
/// wrong is answered as API Gateway does, which tells the client nothing of the cause; that is logged.
pub async fn answer(function: &LambdaFunction, route: &Route, request: Request) -> Response {
    let (request, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAXIMUM_REQUEST).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let Some(event) = http_event::event(&request, &body, route, Timestamp::now()) else {
        return message(StatusCode::BAD_REQUEST, "Bad Request");
    };
    match function.invoke(event.to_string()).await {
        Ok(answer) => http_event::response(&answer).unwrap_or_else(|| {
            tracing::error!(
                function = function.name(),
                "the function's answer is malformed"
            );
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }),
        Err(fault) => {
            tracing::error!(function = function.name(), %fault, "the invocation failed");
            message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// A function's `routes` in this process, with the paths that it would get behind API Gateway: what
/// works here also works deployed.
pub(crate) fn with_delivered_paths(routes: Router) -> Router {
    Router::new().fallback(async move |mut request: Request| {
        let Some(uri) = http_event::delivered_uri(request.uri()) else {
            return message(StatusCode::BAD_REQUEST, "Bad Request");
        };
        *request.uri_mut() = uri;
        match routes.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    })
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"message": text}))).into_response()
}
