//! An accepted issuance always ends, whatever becomes of the poller's messages (invariants 1 and 3).

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::backend::{PATIENCE, iban, unique};
use crate::cloud::{self, Cloud};
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, ExternalWallet};
use crate::wallet_client::WalletClient;

#[tokio::test]
async fn a_lost_poll_message_is_made_up_for_by_a_query() {
    let cloud = Cloud::start_ephemeral().await;
    let (backend, aws) = (cloud.backend(), cloud.aws());
    let id = unique("lost");
    let started = backend.start_iban(&id).await;
    aws.sqs("PurgeQueue", &json!({"QueueUrl": aws.poll_queue}))
        .await;
    assert_eq!(aws.depth(&aws.poll_queue).await, 0);
    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(&id, "issue_completed").await;
}

#[tokio::test]
async fn doubled_messages_do_not_multiply() {
    let wallet = ExternalWallet::start().await;
    let aws = wallet.aws();
    let id = unique("doubled");
    wallet.backend.start(&iban(&id)).await.expect(201);
    let first = json!({"correlation_id": id, "attempt": 0}).to_string();
    join_all((0..20).map(|_| aws.send(&first, 0))).await;

    // One delayed message is left: the next poll. Stale and doubled ones are acknowledged and dropped.
    eventually("one message is left", PATIENCE, async || {
        let asked = wallet.asked("status") > 0;
        (asked && aws.depth(&aws.poll_queue).await <= 2).then_some(())
    })
    .await;
    wallet.on_status([Behaviour::Status("issue_completed")]);
    let completed = wallet.backend.until_status(&id, "issue_completed").await;
    assert_eq!(completed["sequence"], 2, "created and completed, each once");
    assert_eq!(aws.depth(&aws.dead_letters).await, 0);
}

#[tokio::test]
async fn stale_messages_are_dropped_without_asking_the_wallet() {
    let wallet = ExternalWallet::start().await;
    let aws = wallet.aws();
    let id = unique("stale");
    wallet.backend.start(&iban(&id)).await.expect(201);
    aws.send(&json!({"correlation_id": id, "attempt": 7}).to_string(), 0)
        .await;
    eventually("asked", PATIENCE, async || {
        (wallet.asked("status") == 1).then_some(())
    })
    .await;

    for attempt in 0..5 {
        aws.send(
            &json!({"correlation_id": id, "attempt": attempt}).to_string(),
            0,
        )
        .await;
    }
    // A message behind them, of an issuance that is not there, tells when they have been dealt with.
    eventually("only the next poll is left", PATIENCE, async || {
        (aws.depth(&aws.poll_queue).await <= 2).then_some(())
    })
    .await;
    assert_eq!(wallet.asked("status"), 1);
}

#[tokio::test]
async fn poison_does_not_hold_up_the_messages_beside_it() {
    let cloud = Cloud::start_ephemeral().await;
    let (backend, aws) = (cloud.backend(), cloud.aws());
    let id = unique("beside-poison");
    let started = backend.start_iban(&id).await;
    for poison in [
        "{",
        "[]",
        "null",
        r#"{"correlation_id":"","attempt":0}"#,
        r#"{"attempt":1}"#,
        r#"{"correlation_id":"x"}"#,
    ] {
        aws.send(poison, 0).await;
    }
    aws.send(
        &json!({"correlation_id": "nobody", "attempt": 3}).to_string(),
        0,
    )
    .await;
    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(&id, "issue_completed").await;
}

#[tokio::test]
async fn a_start_that_dies_in_the_middle_is_followed_to_its_end() {
    let wallet = ExternalWallet::start().await;
    let id = unique("died");
    wallet.on_start(Behaviour::Hang);
    wallet.on_status([Behaviour::Status("issue_completed")]);
    // The caller hangs up while the wallet is at work: the function ends between its calls, after the
    // reservation and the first poll message, before the wallet's answer could be recorded.
    let start = wallet
        .backend
        .request("POST", "/api/v2/credential/issue")
        .json(&iban(&id));
    let calling = tokio::spawn(start.send());
    eventually("the wallet was called", PATIENCE, async || {
        (wallet.asked("start") == 1).then_some(())
    })
    .await;
    calling.abort();
    let ended = eventually("the issuance ends", Duration::from_secs(90), async || {
        let status = wallet.backend.status(&id).await;
        (status.body["status"] == "issue_completed").then_some(status.body)
    })
    .await;
    assert_eq!(ended["correlation_id"], id);
}

#[tokio::test]
async fn a_message_for_an_issuance_that_ended_is_dropped() {
    let backend = cloud::shared().backend();
    let aws = cloud::shared().aws();
    let id = unique("ended");
    let started = backend.start_iban(&id).await;
    WalletClient::new().take(started.str("request_uri")).await;
    let completed = backend.until_status(&id, "issue_completed").await;
    for attempt in [0, 1, 50] {
        aws.send(
            &json!({"correlation_id": id, "attempt": attempt}).to_string(),
            0,
        )
        .await;
    }
    let other = unique("after");
    let started = backend.start_iban(&other).await;
    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(&other, "issue_completed").await;
    assert_eq!(backend.status(&id).await.expect(200).body, completed);
}

#[tokio::test]
async fn a_query_brings_the_poll_forward_however_late_it_is_due() {
    let wallet = ExternalWallet::start().await;
    let aws = wallet.aws();
    let id = unique("hastened");
    wallet.backend.start(&iban(&id)).await.expect(201);
    // Nobody asks any more: what was due is gone.
    aws.sqs("PurgeQueue", &json!({"QueueUrl": aws.poll_queue}))
        .await;
    wallet.on_status([Behaviour::Status("issue_completed")]);
    wallet.backend.until_status(&id, "issue_completed").await;
    assert_eq!(wallet.asked("status"), 1, "one poll was enough");
}

#[tokio::test]
async fn many_issuances_at_once_all_end() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    join_all((0..30).map(|_| async {
        let id = unique("many");
        let started = backend.start_iban(&id).await;
        WalletClient::new().take(started.str("request_uri")).await;
        backend.until_status(&id, "issue_completed").await;
    }))
    .await;
    let aws = cloud.aws();
    assert_eq!(aws.depth(&aws.dead_letters).await, 0);
}
