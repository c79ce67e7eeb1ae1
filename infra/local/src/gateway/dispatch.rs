//! The HTTP API: a request goes to the function that the template's route names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::answer::{answer, message};
use super::route_table::RouteTable;
use crate::emulators::event_bus::{EventBuses, EventQuery};
use crate::events::{Event, Events};
use crate::lambda::host::Target;
use crate::options::{DEFAULT_API_KEY, is_loopback};

/// What stands where API Gateway would: routes, and the functions behind them by logical id.
pub(crate) struct Gateway {
    pub(crate) routes: RouteTable,
    pub(crate) functions: BTreeMap<String, Target>,
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
        let health = axum::Json(json!({"status": "ok"}));
        Router::new()
            .route("/", get(Html(WELCOME)).fallback(route))
            .route("/health", any(health))
            .route("/local/events", any(published))
            .fallback(route)
            .with_state(Arc::new(self))
    }
}

async fn route(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let method = request.method().to_string();
    let route = gateway.routes.find(&method, request.uri().path());
    let Some((route, function)) =
        route.and_then(|route| Some((route, gateway.functions.get(&route.function)?)))
    else {
        // The answer of API Gateway itself.
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let headers = request.headers();
    if carries_the_default_key(headers) && !is_addressed_to_loopback(headers) {
        return message(
            StatusCode::FORBIDDEN,
            "Everybody knows this key, so it is taken on loopback only. Start the local cloud with --api-key.",
        );
    }
    let started = Instant::now();
    let response = answer(function, route, request).await;
    gateway.events.send(Event::Request {
        method,
        route: route.path.clone(),
        function: function.name.clone(),
        status: response.status().as_u16(),
        took: started.elapsed(),
    });
    if function.name == "start-issue"
        && response.status() == StatusCode::CREATED
        && gateway.events.are_read()
    {
        return announce_issuance(&gateway.events, response).await;
    }
    response
}

/// The events that came to the event bus. They say who is issued what, and no key is asked for, so
/// they are told on this machine alone.
async fn published(State(gateway): State<Arc<Gateway>>, headers: HeaderMap, uri: Uri) -> Response {
    if !is_addressed_to_loopback(&headers) {
        return message(StatusCode::FORBIDDEN, "Events are shown on loopback only.");
    }
    match Query::<EventQuery>::try_from_uri(&uri) {
        Ok(Query(query)) => {
            let events = gateway.buses.published(&query);
            axum::Json(json!({"events": events})).into_response()
        }
        Err(_) => message(
            StatusCode::BAD_REQUEST,
            "Give correlation_id=TEXT, type=TEXT or after=NUMBER, or nothing.",
        ),
    }
}

/// Tells of the issuance that `response` is the answer of, and gives the response back.
async fn announce_issuance(events: &Events, response: Response) -> Response {
    #[derive(Deserialize)]
    struct Started {
        correlation_id: String,
        request_uri: String,
        status_uri: String,
    }
    let (head, body) = response.into_parts();
    // It is in memory already.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if let Ok(started) = serde_json::from_slice::<Started>(&body) {
        events.send(Event::IssuanceStarted {
            correlation_id: started.correlation_id,
            request_uri: started.request_uri,
            status_uri: started.status_uri,
        });
    }
    Response::from_parts(head, Body::from(body))
}

fn carries_the_default_key(headers: &HeaderMap) -> bool {
    let key = headers.get("x-api-key");
    key.is_some_and(|key| key.as_bytes() == DEFAULT_API_KEY.as_bytes())
}

/// Whether the client asked for an address of this machine. It did not, if the request came through a
/// tunnel, or from a web page whose name was rebound to this machine.
fn is_addressed_to_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| Url::parse(&format!("http://{host}")).ok())
        .is_some_and(|url| is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Route;
    use http_body_util::BodyExt;
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
        let function = Target {
            name: "start-issue".to_owned(),
            handler: bestow_functions::of_routes(router),
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
        let request = Request::get(path).header(HOST, "localhost");
        let request = request.body(Body::empty()).unwrap();
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
