//! Subscriptions of the operator's: every change of every issuance.

use serde_json::{Value, json};

use crate::backend::{badge, iban, unique};
use crate::function_host::Functions;
use crate::receiver::{Receiver, status};
use crate::wallet_client::WalletClient;

async fn with_subscriptions(urls: &[&str]) -> Functions {
    let list = urls.join(",");
    Functions::start(move |_, variables| {
        if let Some(subscriptions) = variables.get_mut("WEBHOOK_SUBSCRIPTIONS") {
            *subscriptions = list.clone();
        }
    })
    .await
}

#[tokio::test]
async fn a_subscription_is_told_of_every_issuance_beside_its_callback() {
    let (first, second) = (Receiver::start().await, Receiver::start().await);
    let own = Receiver::start().await;
    let with_key = format!("{}?key=hunter2", first.url);
    let functions = with_subscriptions(&[&with_key, &second.url]).await;
    let backend = &functions.backend;

    let (id, other) = (unique("told"), unique("told-too"));
    let mut body = iban(&id);
    body["callback"] = json!({"url": own.url, "status": "issue_completed"});
    let started = backend.start(&body).await.expect(201);
    WalletClient::new().take(started.str("request_uri")).await;
    backend.start(&badge(&other)).await.expect(201);

    for receiver in [&first, &second] {
        let is_end = |post: &crate::receiver::Post| {
            post.json()["correlation_id"] == id.as_str() && post.status() == "issue_completed"
        };
        receiver.until("the end is posted", is_end).await;
        let is_other =
            |post: &crate::receiver::Post| post.json()["correlation_id"] == other.as_str();
        receiver
            .until("the other issuance is posted", is_other)
            .await;
    }
    assert!(
        first
            .posts()
            .iter()
            .all(|post| post.path == "/hook?key=hunter2")
    );
    own.until_status("issue_completed").await;
    assert!(
        own.posts()
            .iter()
            .all(|post| post.status() == "issue_completed")
    );

    let is_end = |one: &Value| one["event"] == "issue_completed";
    backend
        .until_delivery(&id, "the end is listed", is_end)
        .await;
    let listed = backend.deliveries(&id).await.expect(200);
    assert!(!listed.text().contains("hunter2"));
    let ends: Vec<_> = listed.body["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| is_end(one))
        .collect();
    assert_eq!(ends.len(), 3);
    let names: std::collections::BTreeSet<_> = ends
        .iter()
        .map(|one| one["subscription"].as_str())
        .collect();
    assert!(names.contains(&Some("callback")) && names.len() == 3);
}

#[tokio::test]
async fn gone_ends_a_subscription_for_all_issuances_until_a_replay_succeeds() {
    let receiver = Receiver::start().await;
    receiver.answers([status(410)]);
    let functions = with_subscriptions(&[&receiver.url]).await;
    let backend = &functions.backend;
    let first = unique("gone");
    backend.start(&badge(&first)).await.expect(201);
    let is_failed = |one: &Value| one["status"] == "failed";
    let gone = backend
        .until_delivery(&first, "it was answered 410", is_failed)
        .await;
    assert_eq!(gone["reason"], "gone");

    let second = unique("not-told");
    backend.start(&badge(&second)).await.expect(201);
    let ended = backend
        .until_delivery(&second, "it is not posted", is_failed)
        .await;
    assert_eq!(ended["reason"], "subscription_ended");
    assert_eq!(receiver.posts().len(), 1);

    backend
        .replay(ended["id"].as_str().unwrap())
        .await
        .expect(202);
    let is_delivered = |one: &Value| one["status"] == "delivered";
    backend
        .until_delivery(&second, "the replay is delivered", is_delivered)
        .await;
    let third = unique("told-again");
    backend.start(&badge(&third)).await.expect(201);
    backend
        .until_delivery(&third, "it is posted again", is_delivered)
        .await;
}
