//! DynamoDB as it is when others write the same items. The embedded one never refuses a write for that,
//! so a double in front of it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::listener;

/// Answers the first writes with a conflict, and passes the rest on.
struct Busy {
    conflicts: AtomicU32,
    http: reqwest::Client,
    endpoint: String,
}

/// A DynamoDB in front of the one at `endpoint`, the next writes to which meet so many conflicts; its URL.
pub async fn busy(endpoint: &str, conflicts: u32) -> String {
    let (listener, busy_endpoint) = listener().await;
    let routes = Router::new().fallback(answer).with_state(Arc::new(Busy {
        conflicts: AtomicU32::new(conflicts),
        http: reqwest::Client::new(),
        endpoint: endpoint.to_owned(),
    }));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    busy_endpoint
}

async fn answer(State(busy): State<Arc<Busy>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let target = head.headers["x-amz-target"].to_str().unwrap();
    let is_due = |left: u32| left.checked_sub(1);
    let order = Ordering::SeqCst;
    if let Some(conflict) = conflict(target, &body)
        && busy.conflicts.fetch_update(order, order, is_due).is_ok()
    {
        return (StatusCode::BAD_REQUEST, axum::Json(conflict)).into_response();
    }
    let onward = busy.http.post(&busy.endpoint).headers(head.headers);
    let answer = onward.body(body).send().await.unwrap();
    let status = answer.status();
    let kind = HeaderValue::from_static("application/x-amz-json-1.0");
    let body = answer.bytes().await.unwrap();
    (status, [("content-type", kind)], body).into_response()
}

/// The refusal of a write: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
/// and `API_PutItem.html`, under "Errors". It is the transaction's last item that another write is at.
fn conflict(target: &str, body: &[u8]) -> Option<Value> {
    let kind = |name| format!("com.amazonaws.dynamodb.v20120810#{name}");
    match target.strip_prefix("DynamoDB_20120810.")? {
        "TransactWriteItems" => {
            let request: Value = serde_json::from_slice(body).unwrap();
            let writes = request["TransactItems"].as_array().unwrap().len();
            let mut reasons = vec![json!({"Code": "None"}); writes];
            reasons[writes - 1] = json!({"Code": "TransactionConflict",
                "Message": "Transaction is ongoing for the item"});
            Some(json!({"__type": kind("TransactionCanceledException"),
                "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
                "CancellationReasons": reasons}))
        }
        "PutItem" | "UpdateItem" => Some(json!({"__type": kind("TransactionConflictException"),
            "message": "Transaction is ongoing for the item"})),
        _ => None,
    }
}
