//! Callbacks: each change that an issuance's callback wants is posted, signed, and can be looked up.

use std::collections::BTreeSet;

use bestow_local::{DEFAULT_WEBHOOK_SECRET, Options};
use serde_json::{Value, json};

use crate::backend::{Backend, badge, iban, unique};
use crate::cloud::{self, Cloud};
use crate::external_wallet::Behaviour;
use crate::receiver::{Receiver, status};
use crate::wallet_client::WalletClient;

/// Starts an issuance with a callback, has a wallet take the credential, and waits for its end.
async fn issue(backend: &Backend, id: &str, callback: Value) -> Value {
    let mut body = iban(id);
    body["callback"] = callback;
    let started = backend.start(&body).await.expect(201);
    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(id, "issue_completed").await
}

#[tokio::test]
async fn changes_are_posted_as_the_status_object_and_the_reference_library_verifies_them() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    let id = unique("webhook");
    issue(&backend, &id, json!({"url": receiver.url})).await;

    let created = receiver.until_status("issue_request_created").await;
    assert_eq!(
        (created.method.as_str(), created.path.as_str()),
        ("POST", "/hook")
    );
    assert_eq!(created.headers["content-type"], "application/json");
    assert_eq!(created.json()["correlation_id"], id.as_str());
    let completed = receiver.until_status("issue_completed").await;
    let told = backend.status(&id).await.expect(200).body;
    assert_eq!(completed.json()["revocation_uuid"], told["revocation_uuid"]);
    assert!(completed.json()["sequence"].as_u64() > created.json()["sequence"].as_u64());

    for post in [&created, &completed] {
        assert!(!post.id().contains('.'));
        assert!(post.verifies(DEFAULT_WEBHOOK_SECRET).await, "{post:?}");
    }
    let forged = created.body.replace(&id, "another");
    let refused = created.verified_with(DEFAULT_WEBHOOK_SECRET, &forged).await;
    assert!(refused["error"].is_string(), "{refused}");
    let stranger = "whsec_c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vy";
    assert!(!created.verifies(stranger).await);
}

#[tokio::test]
async fn every_change_is_listed_with_its_attempts() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    let id = unique("listed");
    let url = format!("{}?key=hunter2", receiver.url);
    issue(&backend, &id, json!({"url": url})).await;
    let is_last = |one: &Value| one["event"] == "issue_completed" && one["status"] == "delivered";
    let last = backend
        .until_delivery(&id, "the end is delivered", is_last)
        .await;
    let shown = receiver.url.replace("/hook", "/…");
    assert_eq!(last["url"], shown.as_str(), "without its path and query");
    assert_eq!(last["subscription"], "callback");
    assert_eq!(last["attempts"].as_array().unwrap().len(), 1);
    let attempt = &last["attempts"][0];
    assert_eq!(
        (&attempt["http_status"], &attempt["error"]),
        (&json!(204), &Value::Null)
    );
    assert!(attempt["at"].as_i64() >= last["created_at"].as_i64() && attempt["ms"].is_u64());

    let listed = backend.deliveries(&id).await.expect(200);
    assert!(!listed.text().contains("hunter2"));
    assert_eq!(listed.header("cache-control"), "no-store");
    let listed = listed.body["deliveries"].as_array().unwrap().clone();
    let sequences: Vec<_> = listed.iter().map(|one| one["sequence"].as_u64()).collect();
    let expected: Vec<_> = (1..=sequences.len() as u64).map(Some).collect();
    assert_eq!(sequences, expected, "each change once, in order");
    let ids: BTreeSet<_> = listed.iter().map(|one| one["id"].as_str()).collect();
    assert_eq!(ids.len(), listed.len());
    let posted: BTreeSet<String> = receiver
        .posts()
        .iter()
        .map(|one| one.id().to_owned())
        .collect();
    assert!(
        posted.contains(last["id"].as_str().unwrap()),
        "the id is the webhook-id"
    );
}

#[tokio::test]
async fn a_callback_gets_the_statuses_that_it_asks_for() {
    let backend = cloud::shared().backend();
    let all: &[&str] = &["issue_request_created", "issue_completed"];
    for (statuses, expected) in [
        (json!(null), all),
        (json!([]), all),
        (json!("issue_completed"), &["issue_completed"]),
        (json!("issue_completed,error"), &["issue_completed"]),
        (
            json!(["issue_request_created", "unheard_of"]),
            &["issue_request_created"],
        ),
    ] {
        let receiver = Receiver::start().await;
        let id = unique("filtered");
        issue(
            &backend,
            &id,
            json!({"url": receiver.url, "status": statuses}),
        )
        .await;
        for status in expected {
            receiver.until_status(status).await;
        }
        // All that was made is listed once the issuance has ended: nothing else comes later.
        let wants = |one: &Value| one["event"] == expected[expected.len() - 1];
        backend
            .until_delivery(&id, "the last is listed", wants)
            .await;
        let listed = backend.deliveries(&id).await.expect(200).body;
        let listed = listed["deliveries"].as_array().unwrap().iter();
        let events: BTreeSet<_> = listed.map(|one| one["event"].as_str().unwrap()).collect();
        assert_eq!(events, expected.iter().copied().collect(), "{statuses}");
    }
}

#[tokio::test]
async fn what_becomes_of_the_credential_is_posted_after_the_completion() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    let id = unique("kept");
    let mut body = badge(&id);
    body["callback"] = json!({"url": receiver.url, "status": "issue_completed"});
    let started = backend.start(&body).await.expect(201);
    let wallet = WalletClient::new();
    let taken = wallet.take(started.str("request_uri")).await;
    let completed = receiver.until_status("issue_completed").await.json();
    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    let is_news = |post: &crate::receiver::Post| post.json()["stage"] == "accepted";
    let accepted = receiver.until("it is kept", is_news).await.json();
    assert_eq!(accepted["status"], "issue_completed");
    let sequence = |body: &Value| body["sequence"].as_u64().expect("a number");
    assert_eq!(sequence(&accepted), sequence(&completed) + 1);
}

#[tokio::test]
async fn both_secrets_verify_while_one_replaces_the_other() {
    let (new, old) = (
        "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3",
        "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xk",
    );
    let cloud = Cloud::start_with(Options {
        webhook_secret: Some(format!("{new},{old}")),
        ..Options::default()
    })
    .await;
    let receiver = Receiver::start().await;
    let id = unique("rotation");
    let mut body = badge(&id);
    body["callback"] = json!({"url": receiver.url});
    cloud.backend().start(&body).await.expect(201);
    let post = receiver.until_status("issue_request_created").await;
    assert_eq!(post.headers["webhook-signature"].split(' ').count(), 2);
    assert!(post.verifies(new).await && post.verifies(old).await);
    assert!(!post.verifies(DEFAULT_WEBHOOK_SECRET).await);
}

#[tokio::test]
async fn an_unknown_issuance_is_told_from_one_that_nobody_is_told_of() {
    let backend = cloud::shared().backend();
    let detail = backend.deliveries(&unique("unheard-of")).await;
    assert!(detail.expect_problem(404).contains("correlation_id"));
    let id = unique("quiet");
    backend.start_iban(&id).await;
    let listed = backend.deliveries(&id).await.expect(200).body;
    assert_eq!(listed, json!({"deliveries": []}));
}

#[tokio::test]
async fn a_delivery_is_sent_again_on_request() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    let id = unique("replayed");
    let mut body = badge(&id);
    body["callback"] = json!({"url": receiver.url});
    backend.start(&body).await.expect(201);
    let is_delivered = |one: &Value| one["status"] == "delivered";
    let first = backend
        .until_delivery(&id, "it is delivered", is_delivered)
        .await;

    let delivery_id = first["id"].as_str().unwrap();
    let accepted = backend.replay(delivery_id).await.expect(202).body;
    assert_eq!(
        (&accepted["id"], &accepted["status"]),
        (&first["id"], &json!("pending"))
    );
    let twice = |one: &Value| one["attempts"].as_array().unwrap().len() == 2 && is_delivered(one);
    backend
        .until_delivery(&id, "it is delivered again", twice)
        .await;
    let posts = receiver.posts();
    assert_eq!(posts.len(), 2);
    assert_eq!(
        (posts[0].id(), &posts[0].body),
        (posts[1].id(), &posts[1].body)
    );
    assert!(posts[1].verifies(DEFAULT_WEBHOOK_SECRET).await);

    for unknown in ["unheard-of", &format!("{delivery_id}AA"), "a.b"] {
        backend.replay(unknown).await.expect_problem(404);
    }
}

#[tokio::test]
async fn gone_ends_a_callback_and_a_replay_resumes_it() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    receiver.answers([status(410)]);
    let id = unique("gone");
    let mut body = iban(&id);
    body["callback"] = json!({"url": receiver.url});
    let started = backend.start(&body).await.expect(201);
    let is_gone = |one: &Value| one["reason"] == "gone";
    let gone = backend
        .until_delivery(&id, "it was answered 410", is_gone)
        .await;
    assert_eq!(gone["status"], "failed");
    assert_eq!(gone["attempts"][0]["http_status"], 410);

    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(&id, "issue_completed").await;
    let is_end = |one: &Value| one["event"] == "issue_completed" && one["status"] == "failed";
    let end = backend
        .until_delivery(&id, "the end is not posted", is_end)
        .await;
    assert_eq!(
        (&end["reason"], &end["attempts"]),
        (&json!("subscription_ended"), &json!([]))
    );
    assert_eq!(receiver.posts().len(), 1);

    backend
        .replay(end["id"].as_str().unwrap())
        .await
        .expect(202);
    let post = receiver.until_status("issue_completed").await;
    assert_eq!(post.id(), end["id"]);
}

#[tokio::test]
async fn an_answer_is_not_read_beyond_what_it_takes_to_know_its_status() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    receiver.answers([Behaviour::Flood(512 << 20)]);
    let id = unique("flood");
    let mut body = badge(&id);
    body["callback"] = json!({"url": receiver.url});
    backend.start(&body).await.expect(201);
    let is_delivered = |one: &Value| one["status"] == "delivered";
    let delivered = backend
        .until_delivery(&id, "a flood is no fault", is_delivered)
        .await;
    assert_eq!(delivered["attempts"][0]["http_status"], 200);
}
