//! The HTTP side of a function: one axum router under Lambda, in the local cloud and in tests.

use axum::extract::Request;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bestow_contract::Problem;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// A problem as an HTTP answer (RFC 9457), for `?` in handlers.
#[derive(Debug)]
pub struct HttpError(Problem);

impl From<Problem> for HttpError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        problem_response(self.0)
    }
}

/// The answer that carries `problem`, which no cache stores. [`with_problem_fallbacks`] adds its `instance`.
pub fn problem_response(problem: Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after = problem.retry_after_seconds;
    let mut response = (status, Json(&problem)).into_response();
    response.extensions_mut().insert(problem);
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_static(bestow_contract::PROBLEM_JSON);
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("ApiKey"));
    }
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Reads a body of at most `limit` bytes (`413` otherwise) whose media type is JSON (`415` otherwise), without looking
/// into it.
pub async fn read_json(request: Request, limit: usize) -> Result<Bytes, Problem> {
    if !is_json(&request) {
        return Err(Problem::unsupported_media_type());
    }
    read_body(request, limit).await
}

/// Reads a body of at most `limit` bytes (`413` otherwise), whatever it is.
pub async fn read_body(request: Request, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(fault) if fault.is::<LengthLimitError>() => Err(Problem::too_large(limit)),
        Err(_) => Err(Problem::invalid_request(
            "The body could not be read to its end.",
        )),
    }
}

fn is_json(request: &Request) -> bool {
    let media_type = media_type(request.headers());
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// The media type of a body in lower case, without its parameters; `""` if there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(HeaderValue::to_str) else {
        return String::new();
    };
    let media_type = value.split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

/// Adds to a function's routes that an unknown path (`404`) or method (`405`, with `Allow`) is answered with a problem,
/// and that each problem names the path of its request as `instance`.
pub fn with_problem_fallbacks(routes: Router) -> Router {
    routes
        .fallback(async |uri: Uri| {
            problem_response(Problem::not_found(format!(
                "There is nothing at {}.",
                uri.path()
            )))
        })
        .layer(from_fn(complete_problems))
}

async fn complete_problems(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let mut response = explain_wrong_method(next.run(request).await);
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = Json(problem.with_instance(uri_reference(uri.path())))
            .into_response()
            .into_body();
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}

/// A path as a URI reference (RFC 3986 §3.3). HTTP libraries allow more characters in a path.
fn uri_reference(path: &str) -> String {
    let mut reference = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => reference.push(char::from(byte)),
            _ if b"-._~!$&'()*+,;=:@/%".contains(&byte) => reference.push(char::from(byte)),
            _ => reference.push_str(&format!("%{byte:02X}")),
        }
    }
    reference
}

fn explain_wrong_method(response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allow = response.headers().get(ALLOW).cloned();
    let methods = allow
        .as_ref()
        .and_then(|value| value.to_str().ok())
        .unwrap_or("other methods");
    let mut explained = problem_response(Problem::method_not_allowed(methods));
    if let Some(allow) = allow {
        explained.headers_mut().insert(ALLOW, allow);
    }
    explained
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn answer(method: &str, path: &str) -> Response {
        let routes = Router::new()
            .route(
                "/refused/{id}",
                get(async || HttpError(Problem::conflict("No."))),
            )
            .route("/fine", get(async || "fine"));
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        with_problem_fallbacks(routes)
            .oneshot(request)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn every_problem_names_the_path_of_its_request() {
        for (method, path, status) in [
            ("GET", "/refused/a%20b?x=1", 409),
            ("PUT", "/refused/a", 405),
            ("GET", "/nowhere", 404),
        ] {
            let response = answer(method, path).await;
            assert_eq!(response.status(), status);
            let (head, body) = response.into_parts();
            assert_eq!(head.headers[CONTENT_TYPE], bestow_contract::PROBLEM_JSON);
            assert_eq!(head.headers.contains_key(ALLOW), status == 405);
            let body = body.collect().await.unwrap().to_bytes();
            assert_eq!(head.headers[CONTENT_LENGTH], body.len().to_string());
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let (path, _) = path.split_once('?').unwrap_or((path, ""));
            assert_eq!(problem["instance"], path);
            assert_eq!(problem["status"], status);
        }
    }

    #[test]
    fn a_path_is_named_as_a_uri() {
        assert_eq!(uri_reference("/a|b[c]/%C3%A9~"), "/a%7Cb%5Bc%5D/%C3%A9~");
    }

    #[tokio::test]
    async fn what_is_no_problem_and_a_head_request_are_left_as_they_are() {
        let body = async |response: Response| response.into_body().collect().await.unwrap();
        let fine = body(answer("GET", "/fine").await).await.to_bytes();
        assert_eq!(fine, "fine");
        let headless = body(answer("HEAD", "/refused/a").await).await.to_bytes();
        assert!(headless.is_empty());
    }
}
