//! A proxy in front of an AWS endpoint that counts the calls by operation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use reqwest::Client;
use tokio::net::TcpListener;

use crate::Failure;

const LARGEST_CALL: usize = 16 * 1024 * 1024;

/// The calls so far, by the value of `x-amz-target`, such as `DynamoDB_20120810.PutItem`.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<BTreeMap<String, u64>>>);

impl Calls {
    /// The operations that were called, and how often.
    pub(crate) fn counted(&self) -> BTreeMap<String, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn count(&self, request: &Request) {
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok());
        let operation = target
            .and_then(|target| target.rsplit('.').next())
            .unwrap_or("unknown");
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(operation.to_owned()).or_default() += 1;
    }
}

#[derive(Clone)]
struct Proxy {
    upstream: String,
    client: Client,
    calls: Calls,
}

/// Serves a proxy to `upstream` on a free port for as long as this process runs, and gives its address.
pub(crate) async fn serve(upstream: String, calls: Calls) -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let proxy = Proxy {
        upstream,
        client: Client::new(),
        calls,
    };
    let router = Router::new().fallback(forward).with_state(proxy);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Result<Response, StatusCode> {
    proxy.calls.count(&request);
    let url = format!("{}{}", proxy.upstream, request.uri());
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_CALL)
        .await
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let mut headers = head.headers;
    headers.remove("host");
    let answer = proxy
        .client
        .request(head.method, url)
        .headers(headers)
        .body(body)
        .send()
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        *headers = answer.headers().clone();
        headers.remove("transfer-encoding");
    }
    let body = answer.bytes().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    response
        .body(Body::from(body))
        .map_err(|_| StatusCode::BAD_GATEWAY)
}
