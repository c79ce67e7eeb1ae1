//! A proxy in front of the AWS endpoints that counts calls.
//!
//! It asks DynamoDB for the capacity that each call consumes (`ReturnConsumedCapacity`), which the embedded one computes
//! by the rules of the real one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::Failure;
use crate::usage::{Ledger, Quantity};

const LARGEST_CALL: usize = 16 * 1024 * 1024;
/// What EventBridge and SQS count as one.
const CHUNK_BYTES: usize = 64 * 1024;

/// The proxy. Each function has addresses of its own, `/{function}/{variable}`, so it is known who calls.
#[derive(Clone)]
pub(crate) struct CountingProxy {
    address: String,
    client: Client,
    behind: Arc<Mutex<BTreeMap<String, String>>>,
    ledger: Ledger,
}

impl CountingProxy {
    /// Serves on a free port for as long as the runtime lives.
    pub(crate) async fn start(ledger: Ledger) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Self {
            address: format!("http://{}", listener.local_addr()?),
            client: Client::new(),
            behind: Arc::default(),
            ledger,
        };
        let router = Router::new().fallback(forward).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(proxy)
    }

    /// Puts the proxy before each AWS endpoint in the environment of a function.
    pub(crate) fn stand_before(&self, function: &str, variables: &mut BTreeMap<String, String>) {
        let is_endpoint = |name: &str| name.starts_with("AWS_ENDPOINT_URL_");
        for (name, address) in variables.iter_mut().filter(|(name, _)| is_endpoint(name)) {
            let path = format!("{function}/{name}");
            let proxied = format!("{}/{path}", self.address);
            let endpoint = std::mem::replace(address, proxied);
            self.behind().insert(path, endpoint);
        }
    }

    fn behind(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, function: &str, target: &str, call: &[u8], answer: &[u8]) {
        let (service, operation) = target.split_once('.').unwrap_or(("", target));
        let add = |quantity, name: &str, amount| self.ledger.add(quantity, name, amount);
        add(Quantity::AwsCalls, &format!("{function} {operation}"), 1.0);
        match service {
            "AmazonSQS" => {
                let chunks = call.len().div_ceil(CHUNK_BYTES).max(1);
                add(Quantity::SqsRequests, function, chunks as f64);
            }
            "AWSEvents" => {
                let call: Value = serde_json::from_slice(call).unwrap_or_default();
                let entries = call.get("Entries").and_then(Value::as_array);
                let chunks = |entry: &Value| entry.to_string().len().div_ceil(CHUNK_BYTES);
                let events: usize = entries.into_iter().flatten().map(chunks).sum();
                add(Quantity::Events, function, events as f64);
            }
            _ if service.starts_with("DynamoDB") => {
                let quantity = match operation {
                    "GetItem" | "BatchGetItem" | "TransactGetItems" | "Query" | "Scan" => {
                        Quantity::ReadUnits
                    }
                    _ => Quantity::WriteUnits,
                };
                for (name, units) in consumed(answer) {
                    add(quantity, &name, units);
                }
            }
            _ => {}
        }
    }
}

/// The units that an answer of DynamoDB tells of, by table or `table/index`.
fn consumed(answer: &[u8]) -> Vec<(String, f64)> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let tables = match answer.get("ConsumedCapacity") {
        Some(Value::Array(tables)) => tables.as_slice(),
        Some(table) => std::slice::from_ref(table),
        None => &[],
    };
    let units = |of: &Value| of.get("CapacityUnits").and_then(Value::as_f64);
    let mut all = Vec::new();
    for consumed in tables {
        let table = consumed.get("TableName").and_then(Value::as_str);
        let table = table.unwrap_or_default();
        let own = consumed.get("Table").and_then(units);
        all.extend(own.map(|units| (table.to_owned(), units)));
        for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
            let indexes = consumed.get(kind).and_then(Value::as_object);
            for (index, of) in indexes.into_iter().flatten() {
                all.extend(units(of).map(|units| (format!("{table}/{index}"), units)));
            }
        }
    }
    all
}

async fn forward(
    State(proxy): State<CountingProxy>,
    request: Request,
) -> Result<Response, StatusCode> {
    let (head, body) = request.into_parts();
    let mut parts = head.uri.path().trim_start_matches('/').splitn(3, '/');
    let function = parts.next().unwrap_or_default();
    let variable = parts.next().unwrap_or_default();
    let path = parts.next().unwrap_or_default();
    let endpoint = format!("{function}/{variable}");
    let endpoint = proxy.behind().get(&endpoint).cloned();
    let endpoint = endpoint.ok_or(StatusCode::NOT_FOUND)?;
    let body = to_bytes(body, LARGEST_CALL).await;
    let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
    let mut headers = head.headers;
    let target = target(&headers);
    headers.remove("host");
    headers.remove("content-length");
    let call = asking_for_capacity(&target, &body).unwrap_or_else(|| body.clone());
    let answer = proxy
        .client
        .request(head.method, format!("{endpoint}/{path}"))
        .headers(headers)
        .body(call)
        .send()
        .await
        .map_err(|_| StatusCode::BAD_GATEWAY)?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        *headers = answer.headers().clone();
        headers.remove("transfer-encoding");
    }
    let answer = answer.bytes().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    proxy.count(function, &target, &body, &answer);
    response
        .body(Body::from(answer))
        .map_err(|_| StatusCode::BAD_GATEWAY)
}

/// The operation, such as `DynamoDB_20120810.PutItem`.
fn target(headers: &HeaderMap) -> String {
    let target = headers.get("x-amz-target");
    let target = target.and_then(|value| value.to_str().ok());
    target.unwrap_or("unknown").to_owned()
}

/// A call to DynamoDB that also asks what it consumes.
fn asking_for_capacity(target: &str, body: &Bytes) -> Option<Bytes> {
    let mut call: Value = serde_json::from_slice(body).ok()?;
    let members = call.as_object_mut()?;
    if !target.starts_with("DynamoDB") {
        return None;
    }
    members.insert("ReturnConsumedCapacity".to_owned(), json!("INDEXES"));
    Some(call.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_of_a_table_and_of_its_indexes() {
        let of_one = json!({"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 3.0,
            "Table": {"CapacityUnits": 1.0},
            "GlobalSecondaryIndexes": {"i": {"CapacityUnits": 2.0}}}});
        let expected = [("t".to_owned(), 1.0), ("t/i".to_owned(), 2.0)];
        assert_eq!(consumed(of_one.to_string().as_bytes()), expected);
        let of_two = json!({"ConsumedCapacity": [
            {"TableName": "t", "Table": {"CapacityUnits": 2.0}},
            {"TableName": "u", "Table": {"CapacityUnits": 4.0}}]});
        let expected = [("t".to_owned(), 2.0), ("u".to_owned(), 4.0)];
        assert_eq!(consumed(of_two.to_string().as_bytes()), expected);
        assert_eq!(consumed(b"{}"), []);
    }
}
