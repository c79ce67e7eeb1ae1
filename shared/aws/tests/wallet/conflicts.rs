//! DynamoDB as it is when others write the same items. The embedded one never refuses a write for that,
//! so a double in front of it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws::wallet_table::{Creation, StatusChangeOutcome, WalletTable};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use contract::CredentialStatus::{Revoked, Valid};
use issuer::{ListNumber, RetrieveOffer, StatusRecord, Written};
use serde_json::{Value, json};

use crate::embedded::listener;
use crate::world::{NOW, TABLE, client, issuer, offer, offer_without_status, record, table};

/// More than anybody tries.
const ALWAYS: u32 = u32::MAX;

/// Answers the first writes with a conflict, and passes the rest on.
struct Busy {
    conflicts: AtomicU32,
    http: reqwest::Client,
    endpoint: String,
}

/// The table behind `endpoint`, the next writes of which meet so many conflicts.
async fn busy(endpoint: &str, conflicts: u32) -> WalletTable {
    let (listener, busy_endpoint) = listener().await;
    let routes = Router::new().fallback(answer).with_state(Arc::new(Busy {
        conflicts: AtomicU32::new(conflicts),
        http: reqwest::Client::new(),
        endpoint: endpoint.to_owned(),
    }));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    WalletTable::new(client(&busy_endpoint), TABLE)
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

#[tokio::test]
async fn a_start_succeeds_once_nobody_is_in_its_way() {
    let endpoint = table().await.endpoint;
    let issuer = issuer();
    for offer in [offer(&issuer, "a"), offer_without_status(&issuer, "b")] {
        let wallet = busy(&endpoint, 3).await;
        let status = offer.revocation_uuid.map(StatusRecord::new);
        let created = wallet.create_offer(&offer, status.as_ref()).await.unwrap();
        assert!(matches!(created, Creation::Created));
        assert_eq!(wallet.offer(&offer.offer_id).await.unwrap(), Some(offer));
    }
}

#[tokio::test]
async fn a_status_changes_once_nobody_is_in_its_way() {
    let endpoint = table().await.endpoint;
    let record = record(ListNumber::FIRST, 1);
    let wallet = busy(&endpoint, 0).await;
    let offer = offer(&issuer(), "a");
    wallet.create_offer(&offer, Some(&record)).await.unwrap();

    let wallet = busy(&endpoint, 3).await;
    let revoked = StatusRecord {
        status: Revoked,
        ..record
    };
    let outcome = wallet.change_status(Valid, &revoked).await.unwrap();
    assert_eq!(outcome, StatusChangeOutcome::Changed);
    assert_eq!(wallet.list_version(ListNumber::FIRST).await.unwrap(), 1);
}

#[tokio::test]
async fn a_step_is_taken_once_no_repeated_start_is_in_its_way() {
    let endpoint = table().await.endpoint;
    let offer = offer_without_status(&issuer(), "a");
    let wallet = busy(&endpoint, 0).await;
    wallet.create_offer(&offer, None).await.unwrap();

    let wallet = busy(&endpoint, 3).await;
    let retrieve = RetrieveOffer {
        offer_id: offer.offer_id,
        now_seconds: NOW,
    };
    let written = wallet.write(&retrieve).await.unwrap();
    assert!(matches!(written, Written::Applied(_)));
}

#[tokio::test]
async fn a_write_that_others_are_always_in_the_way_of_is_told_from_a_failure() {
    let wallet = busy(&table().await.endpoint, ALWAYS).await;
    let issuer = issuer();
    let with_status = offer(&issuer, "a");
    let without_status = offer_without_status(&issuer, "b");
    let record = record(ListNumber::FIRST, 1);
    let (one, other, change) = tokio::join!(
        wallet.create_offer(&with_status, Some(&record)),
        wallet.create_offer(&without_status, None),
        wallet.change_status(Valid, &record),
    );
    assert!(matches!(one.unwrap(), Creation::Contended));
    assert!(matches!(other.unwrap(), Creation::Contended));
    assert_eq!(change.unwrap(), StatusChangeOutcome::Contended);
}
