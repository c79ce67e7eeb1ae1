//! A proxy that passes everything on and keeps what went through it.

use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use tokio::net::TcpListener;

use crate::backend::http_client;
use crate::function_host::serve;

/// The largest body that goes through.
const LARGEST: usize = 64 << 20;
/// Of the connection, and so not to be passed on.
const HOP_BY_HOP: [&str; 4] = ["host", "content-length", "connection", "transfer-encoding"];

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Method, path and query.
    pub line: String,
    pub request_headers: HeaderMap,
    pub request: Vec<u8>,
    pub status: u16,
    pub answer_headers: HeaderMap,
    pub answer: Vec<u8>,
}

impl Exchange {
    /// What AWS calls the operation, `""` where it is none.
    pub fn operation(&self) -> &str {
        let target = self.request_headers.get("x-amz-target");
        let target = target.map_or("", |target| target.to_str().expect("ASCII"));
        target
            .split_once('.')
            .map_or("", |(_, operation)| operation)
    }
}

/// A proxy in front of something that may start later.
#[derive(Clone)]
pub struct Recorder {
    /// Where it listens.
    pub url: String,
    upstream: Arc<OnceLock<String>>,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let recorder = Self {
            url: format!("http://{address}"),
            upstream: Arc::default(),
            exchanges: Arc::default(),
        };
        let state = (recorder.clone(), http_client());
        serve(Router::new().fallback(pass_on).with_state(state), listener);
        recorder
    }

    /// Says what it stands in front of.
    pub fn lead_to(&self, upstream: &str) {
        self.upstream
            .set(upstream.to_owned())
            .expect("it leads nowhere yet");
    }

    /// What went through so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().expect("nobody panicked").clone()
    }
}

async fn pass_on(
    State((recorder, http)): State<(Recorder, reqwest::Client)>,
    request: Request,
) -> Response<Body> {
    let Some(upstream) = recorder.upstream.get() else {
        let mut early = Response::new(Body::empty());
        *early.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        return early;
    };
    let (head, body) = request.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let request = to_bytes(body, LARGEST).await.expect("a body").to_vec();
    let answer = http
        .request(head.method.clone(), format!("{upstream}{target}"))
        .headers(end_to_end(&head.headers))
        .body(request.clone())
        .send()
        .await
        .expect("what is behind the proxy answers");
    let (status, headers) = (answer.status(), end_to_end(answer.headers()));
    let answer = answer.bytes().await.expect("a whole body").to_vec();
    let exchange = Exchange {
        line: format!("{} {target}", head.method),
        request_headers: head.headers,
        request,
        status: status.as_u16(),
        answer_headers: headers.clone(),
        answer: answer.clone(),
    };
    recorder
        .exchanges
        .lock()
        .expect("nobody panicked")
        .push(exchange);
    let mut passed = Response::new(Body::from(answer));
    *passed.status_mut() = status;
    *passed.headers_mut() = headers;
    passed
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    for name in HOP_BY_HOP {
        kept.remove(name);
    }
    kept
}
