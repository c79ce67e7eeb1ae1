//! The HTTP API: a request goes to the function that the template's route names.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::header::HOST;
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use futures::FutureExt;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::answer::{self, failed, message};
use super::route_table::RouteTable;
use crate::emulators::event_bus::{EventBuses, EventQuery};
use crate::events::{Event, Events};
use crate::lambda::host::{App, HttpFunction};
use crate::options::{DEFAULT_API_KEY, is_loopback};
use crate::template::Route;

/// What stands where API Gateway would: routes, and the functions behind them by logical id.
pub(crate) struct Gateway {
    pub(crate) routes: RouteTable,
    pub(crate) functions: BTreeMap<String, HttpFunction>,
    pub(crate) events: Events,
    pub(crate) buses: EventBuses,
}

/// What a browser sees that opens the address of the local cloud.
const WELCOME: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Bestow, local</title>
<h1>Bestow is up</h1>
<p>It is an API: what to try stands in the terminal in which it was started.
<ul>
<li><a href="/openapi.json">the API as OpenAPI</a>
<li><a href="/local/events">what went out as events</a>
</ul>
</html>
"#;

impl Gateway {
    /// The API as an axum router, with `GET /`, `GET /health` and `GET /local/events` beside the template's routes.
    pub(crate) fn into_router(self) -> Router {
        let gateway = Arc::new(self);
        Router::new().fallback(move |request: Request| {
            let gateway = Arc::clone(&gateway);
            async move { gateway.answer(request).await }
        })
    }

    async fn answer(&self, request: Request) -> Response {
        let path = request.uri().path();
        if path == "/" && request.method() == Method::GET {
            return Html(WELCOME).into_response();
        }
        if path == "/health" {
            return axum::Json(json!({"status": "ok"})).into_response();
        }
        if path == "/local/events" {
            return self.published(&request);
        }
        let found = self.routes.find(request.method().as_str(), path);
        let Some((route, function)) =
            found.and_then(|route| Some((route, self.functions.get(&route.function)?)))
        else {
            // The answer of API Gateway itself.
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        if carries_the_default_key(&request) && !is_addressed_to_loopback(&request) {
            return message(
                StatusCode::FORBIDDEN,
                "Everybody knows this key, so it is taken on loopback only. Start the local cloud with --api-key.",
            );
        }
        let method = request.method().to_string();
        let started = Instant::now();
        let mut response = invoke(function, route, request).await;
        self.events.send(Event::Request {
            method,
            route: route.path.clone(),
            function: function.binary.clone(),
            status: response.status().as_u16(),
            took: started.elapsed(),
        });
        if function.binary == "start-issue"
            && response.status() == StatusCode::CREATED
            && self.events.are_read()
        {
            response = self.announce_issuance(response).await;
        }
        response
    }

    /// The events that came to the event bus. They say who is issued what, and no key is asked for, so
    /// they are told on this machine alone.
    fn published(&self, request: &Request) -> Response {
        if !is_addressed_to_loopback(request) {
            return message(StatusCode::FORBIDDEN, "Events are shown on loopback only.");
        }
        match Query::<EventQuery>::try_from_uri(request.uri()) {
            Ok(Query(query)) => {
                let events = self.buses.published(&query);
                axum::Json(json!({"events": events})).into_response()
            }
            Err(_) => message(
                StatusCode::BAD_REQUEST,
                "Give correlation_id=TEXT, type=TEXT or after=NUMBER, or nothing.",
            ),
        }
    }

    /// Tells of the issuance that `response` is the answer of, and gives the response back.
    async fn announce_issuance(&self, response: Response) -> Response {
        #[derive(Deserialize)]
        struct Started {
            correlation_id: String,
            request_uri: String,
            status_uri: String,
        }
        let (head, body) = response.into_parts();
        let Ok(body) = body.collect().await else {
            return failed();
        };
        let body = body.to_bytes();
        if let Ok(started) = serde_json::from_slice::<Started>(&body) {
            self.events.send(Event::IssuanceStarted {
                correlation_id: started.correlation_id,
                request_uri: started.request_uri,
                status_uri: started.status_uri,
            });
        }
        Response::from_parts(head, Body::from(body))
    }
}

fn carries_the_default_key(request: &Request) -> bool {
    let key = request.headers().get("x-api-key");
    key.is_some_and(|key| key.as_bytes() == DEFAULT_API_KEY.as_bytes())
}

/// Whether the client asked for an address of this machine. It did not, if the request came through a
/// tunnel, or from a web page whose name was rebound to this machine.
fn is_addressed_to_loopback(request: &Request) -> bool {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    host.and_then(|host| Url::parse(&format!("http://{host}")).ok())
        .is_some_and(|url| is_loopback(&url))
}

/// Invokes a function; one that panics or takes too long fails the way that it does behind API
/// Gateway.
async fn invoke(function: &HttpFunction, route: &Route, request: Request) -> Response {
    let answer = async {
        match &function.app {
            App::InProcess(routes) => answer::in_process(routes.clone(), request).await,
            App::Processes(processes) => answer::of_processes(processes, route, request).await,
        }
    };
    // A router holds clients and configuration, which a panicking request leaves as they were.
    let answer = AssertUnwindSafe(answer).catch_unwind();
    match tokio::time::timeout(function.timeout, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => {
            tracing::error!(function = function.binary, "the function panicked");
            failed()
        }
        Err(_elapsed) => {
            tracing::error!(
                function = function.binary,
                timeout_seconds = function.timeout.as_secs(),
                "the function ran into its time-out"
            );
            failed()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::time::Duration;
    use tower::ServiceExt;

    async fn panics() -> String {
        panic!("on purpose")
    }

    fn gateway() -> (Router, tokio::sync::broadcast::Receiver<Event>) {
        let events = Events::new();
        let reader = events.subscribe();
        let router = Router::new()
            .route("/slow", get(std::future::pending::<String>))
            .route("/panics", get(panics))
            .route(
                "/started/{id}",
                get(|| async {
                    let body = json!({"correlation_id": "1", "request_uri": "openid:?x", "status_uri": "http://x"});
                    (StatusCode::CREATED, axum::Json(body))
                }),
            );
        let function = HttpFunction {
            binary: "start-issue".to_owned(),
            app: App::InProcess(router),
            timeout: Duration::from_millis(20),
        };
        let routes = ["/slow", "/panics", "/started/{id}"].map(|path| Route {
            path: path.to_owned(),
            method: "GET".to_owned(),
            function: "F".to_owned(),
        });
        let gateway = Gateway {
            routes: RouteTable::new(routes.into()).unwrap(),
            functions: BTreeMap::from([("F".to_owned(), function)]),
            buses: EventBuses::new(&[], events.clone()),
            events,
        };
        (gateway.into_router(), reader)
    }

    async fn ask(router: Router, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_no_route_takes_and_what_fails_is_answered_as_api_gateway_does() {
        let (router, _events) = gateway();
        for (path, status, body) in [
            ("/health", 200, r#"{"status":"ok"}"#),
            ("/nowhere", 404, r#"{"message":"Not Found"}"#),
            ("/panics", 500, r#"{"message":"Internal Server Error"}"#),
            ("/slow", 500, r#"{"message":"Internal Server Error"}"#),
        ] {
            assert_eq!(
                ask(router.clone(), path).await,
                (status, body.to_owned()),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn the_key_that_everybody_knows_is_taken_on_loopback_only() {
        let (router, _events) = gateway();
        for (host, key, status) in [
            ("127.0.0.1:3000", DEFAULT_API_KEY, 201),
            ("localhost", DEFAULT_API_KEY, 201),
            ("[::1]:3000", DEFAULT_API_KEY, 201),
            ("name.tunnel.example", DEFAULT_API_KEY, 403),
            ("localhost.evil.example:3000", DEFAULT_API_KEY, 403),
            ("name.tunnel.example", "a-key-of-ones-own", 201),
        ] {
            let request = Request::get("/started/1")
                .header(HOST, host)
                .header("x-api-key", key);
            let request = request.body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{host} {key}");
        }
    }

    #[tokio::test]
    async fn events_name_the_route_and_not_what_stands_in_its_parameters() {
        let (router, mut events) = gateway();
        let (status, body) = ask(router, "/started/secret").await;
        assert_eq!(status, 201);
        assert!(body.contains("openid:?x"), "{body}");
        let Event::Request { route, status, .. } = events.recv().await.unwrap() else {
            panic!("a request comes first");
        };
        assert_eq!((route.as_str(), status), ("/started/{id}", 201));
        assert!(matches!(
            events.recv().await.unwrap(),
            Event::IssuanceStarted { request_uri, .. } if request_uri == "openid:?x"
        ));
    }
}
