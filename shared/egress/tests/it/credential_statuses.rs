//! The status of issued credentials.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use bestow_contract::{CredentialStatus, CredentialStatusChange};
use bestow_issuance::ports::{CredentialWallet, TransientKind, WalletError};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::wallet::{always, kind_of, serve, with_key};

fn answer(revocation_uuid: Uuid, status: &str) -> String {
    json!({
        "revocation_uuid": revocation_uuid,
        "status": status,
        "published_status": status,
        "status_list": {"uri": "https://w.example/1", "idx": 7},
    })
    .to_string()
}

#[tokio::test]
async fn a_status_is_set_and_read_under_its_uuid() {
    let path = "/wallet/api/v2/credential/status/{revocation_uuid}";
    let read = async |Path(uuid): Path<Uuid>| answer(uuid, "valid");
    let set = async |Path(uuid): Path<Uuid>, body: String| {
        let sent: Value = serde_json::from_str(&body).unwrap();
        answer(uuid, sent["status"].as_str().unwrap())
    };
    let wallet = with_key(serve(Router::new().route(path, get(read).put(set))).await);

    let uuid = Uuid::from_u128(7);
    let found = wallet.credential_status(uuid).await.unwrap();
    assert_eq!(found.status, CredentialStatus::Valid);
    let change = CredentialStatusChange::from_json(br#"{"status": "revoked"}"#).unwrap();
    let changed = wallet.set_credential_status(uuid, &change).await.unwrap();
    assert_eq!(changed.status, CredentialStatus::Revoked);
}

#[tokio::test]
async fn an_answer_about_another_credential_is_a_fault_of_the_wallet() {
    let wallet = always(|| answer(Uuid::from_u128(8), "valid")).await;
    let found = kind_of(wallet.credential_status(Uuid::from_u128(7)).await);
    assert_eq!(found, (TransientKind::Faulty, None));
}

#[tokio::test]
async fn a_credential_that_the_wallet_does_not_know_is_a_refusal() {
    let wallet = always(|| (StatusCode::NOT_FOUND, json!({"detail": "no"}).to_string())).await;
    let failure = wallet.credential_status(Uuid::nil()).await.unwrap_err();
    assert!(matches!(failure, WalletError::Refused(problem) if problem.status == 404));
}
