//! Bestow's public API is the contract of wallets: a second Bestow is the external wallet of the first.

use serde_json::json;

use crate::backend::{iban, unique};
use crate::cloud::Cloud;
use crate::eventually::eventually;
use crate::records::Records;
use crate::status_list::{INVALID, PublishedList, SUSPENDED, VALID, status_reference};
use crate::wallet_client::WalletClient;

#[tokio::test]
async fn a_bestow_issues_by_another_one_which_calls_back_and_revokes() {
    let behind = Cloud::start_ephemeral().await;
    let front = Cloud::start_with_parameters([
        ("WalletBaseUrl", behind.running.base_url()),
        ("WalletApiKey", behind.running.api_key()),
        ("WalletCallbacks", "true"),
    ])
    .await;
    let backend = front.backend();
    let records = Records::of(&front.running);
    let id = unique("in-front");
    let mut body = iban(&id);
    body["qr_code"] = json!({});
    let started = backend.start(&body).await.expect(201);
    let link = started.str("request_uri");
    assert!(
        link.contains(&urlencoded(behind.running.base_url())),
        "{link}"
    );
    assert!(started.str("qr_uri").starts_with("data:image/png;base64,"));
    assert!(
        started
            .str("status_uri")
            .starts_with(front.running.base_url())
    );
    let repeated = backend.start(&body).await.expect(201);
    assert_eq!(repeated.str("request_uri"), link);

    // Nobody asks, and the first poll of the schedule is a quarter of an hour away.
    let wallet = WalletClient::new();
    let taken = wallet.take(link).await;
    records.until_state(&id, "completed").await;
    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    eventually(
        "it is known that it is kept",
        crate::backend::PATIENCE,
        async || {
            let stage = records.text(&id, "stage").await;
            (stage.as_deref() == Some("accepted")).then_some(())
        },
    )
    .await;

    let status = backend.status(&id).await.expect(200).body;
    let uuid = status["revocation_uuid"].as_str().expect("a UUID");
    assert_eq!(uuid, started.str("revocation_uuid"));
    let (list, index) = status_reference(&taken.credential);
    for (status, bits) in [
        ("suspended", SUSPENDED),
        ("valid", VALID),
        ("revoked", INVALID),
    ] {
        backend
            .set_credential_status(uuid, status)
            .await
            .expect(200);
        let published = PublishedList::fetch(&backend.http, &list).await;
        assert_eq!(published.status(index), bits, "{status}");
    }
    backend
        .set_credential_status(uuid, "valid")
        .await
        .expect_problem(409);
}

/// What the one behind refuses, the one in front refuses in its words.
#[tokio::test]
async fn refusals_come_through() {
    let behind = Cloud::start_ephemeral().await;
    let front = Cloud::start_with_parameters([
        ("WalletBaseUrl", behind.running.base_url()),
        ("WalletApiKey", behind.running.api_key()),
    ])
    .await;
    let mut wrong = iban(&unique("wrong"));
    wrong["claims"] = json!({"iban": 1});
    let refused = front.backend().start(&wrong).await;
    refused.expect_problem(422);
    let own = behind.backend().start(&wrong).await;
    assert_eq!(refused.body["errors"], own.body["errors"]);
    let mut unknown = iban(&unique("unknown"));
    unknown["template_id"] = json!("no_such_template");
    front.backend().start(&unknown).await.expect_problem(404);
}

fn urlencoded(url: &str) -> String {
    url.replace(':', "%3A").replace('/', "%2F")
}
