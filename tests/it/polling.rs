//! An accepted issuance always ends, whatever becomes of the poller's messages (invariants 1 and 3).

use std::time::Duration;

use futures::future::join_all;
use futures::stream::{StreamExt, iter};

use crate::backend::{PATIENCE, iban, unique};
use crate::cloud::{self, Cloud};
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, ExternalWallet};
use crate::wallet_client::WalletClient;

#[tokio::test]
async fn a_lost_poll_message_is_made_up_for_by_a_query() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    let id = unique("lost");
    let started = backend.start_iban(&id).await;
    cloud.queues().lose_polls().await;
    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(&id, "issue_completed").await;
}

#[tokio::test]
async fn doubled_messages_do_not_multiply() {
    let wallet = ExternalWallet::start().await;
    let queues = wallet.queues();
    let id = unique("doubled");
    wallet.backend.start(&iban(&id)).await.expect(201);
    join_all((0..20).map(|_| queues.poll(&id, 0))).await;
    queues.settle().await;

    // Those of one batch are told apart; at worst each batch that ran at the same time sent one on.
    let (asked, next) = (wallet.asked("status"), queues.delayed().await);
    assert!((1..=5).contains(&asked), "asked {asked} times");
    assert!((1..=6).contains(&next), "{next} polls for one issuance");

    wallet.on_status([Behaviour::Status("issue_completed")]);
    let completed = wallet.backend.until_status(&id, "issue_completed").await;
    assert_eq!(completed["sequence"], 2, "created and completed, each once");
    assert_eq!(queues.dead().await, 0);
}

#[tokio::test]
async fn stale_messages_are_dropped_without_asking_the_wallet() {
    let wallet = ExternalWallet::start().await;
    let queues = wallet.queues();
    let id = unique("stale");
    wallet.backend.start(&iban(&id)).await.expect(201);
    queues.poll(&id, 7).await;
    let was_asked = async || (wallet.asked("status") == 1).then_some(());
    eventually("the wallet was asked", PATIENCE, was_asked).await;
    queues.settle().await;

    for attempt in 0..=7 {
        queues.poll(&id, attempt).await;
    }
    queues.settle().await;
    assert_eq!(wallet.asked("status"), 1);
}

#[tokio::test]
async fn poison_does_not_hold_up_the_messages_beside_it() {
    let cloud = Cloud::start_ephemeral().await;
    let (backend, queues) = (cloud.backend(), cloud.queues());
    let id = unique("beside-poison");
    let started = backend.start_iban(&id).await;
    for poison in [
        "{",
        "[]",
        "null",
        r#"{"correlation_id":"","attempt":0}"#,
        r#"{"attempt":1}"#,
    ] {
        queues.send(poison).await;
    }
    queues.poll("nobody", 3).await;
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
    let was_called = async || (wallet.asked("start") == 1).then_some(());
    eventually("the wallet was called", PATIENCE, was_called).await;
    calling.abort();

    // Half a minute is how long the one who reserved may be at work.
    let ended = eventually("the issuance ends", Duration::from_secs(60), async || {
        let status = wallet.backend.status(&id).await;
        (status.body["status"] == "issue_completed").then_some(status.body)
    })
    .await;
    assert_eq!(ended["correlation_id"], id);
}

#[tokio::test]
async fn a_message_for_an_issuance_that_ended_is_dropped() {
    let cloud = cloud::shared();
    let (backend, queues) = (cloud.backend(), cloud.queues());
    let id = unique("ended");
    let started = backend.start_iban(&id).await;
    WalletClient::new().take(started.str("request_uri")).await;
    let completed = backend.until_status(&id, "issue_completed").await;
    for attempt in [0, 1, 50] {
        queues.poll(&id, attempt).await;
    }
    queues.settle().await;
    assert_eq!(backend.status(&id).await.expect(200).body, completed);
}

#[tokio::test]
async fn a_query_brings_the_poll_forward_however_late_it_is_due() {
    let wallet = ExternalWallet::start().await;
    let id = unique("hastened");
    wallet.backend.start(&iban(&id)).await.expect(201);
    wallet.queues().lose_polls().await;
    wallet.on_status([Behaviour::Status("issue_completed")]);
    wallet.backend.until_status(&id, "issue_completed").await;
    assert_eq!(wallet.asked("status"), 1, "one poll was enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_issuances_at_once_all_end() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    let issue = async |_| {
        let id = unique("many");
        let started = backend.start_iban(&id).await;
        WalletClient::new().take(started.str("request_uri")).await;
        backend.until_status(&id, "issue_completed").await;
    };
    iter(0..24).for_each_concurrent(8, issue).await;
    assert_eq!(cloud.queues().dead().await, 0);
}
