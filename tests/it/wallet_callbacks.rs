//! Callbacks of a wallet: they make the next poll come at once, and nothing depends on them.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{PATIENCE, http_client, iban, unique};
use crate::cloud::EXTERNAL;
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, ExternalWallet};
use crate::wiretap::Wiretap;

#[tokio::test]
async fn callbacks_that_are_lost_do_not_hold_up_the_end() {
    let wallet = ExternalWallet::start_calling_back().await;
    let id = unique("lost-callbacks");
    wallet.backend.start_iban(&id).await;
    wallet.on_status([Behaviour::Status("issue_completed")]);
    // The schedule's poll, which is on its way already, before its time.
    assert_eq!(wallet.queues().delayed().await, 1);
    wallet.queues().poll(&id, 0).await;
    wallet.records().until_state(&id, "completed").await;
}

#[tokio::test]
async fn a_wallet_is_told_where_to_call_back_only_if_it_can() {
    for (wallet, can) in [
        (ExternalWallet::start().await, false),
        (ExternalWallet::start_calling_back().await, true),
    ] {
        wallet
            .backend
            .start(&iban(&unique("told-where")))
            .await
            .expect(201);
        let sent = wallet.started_with();
        assert_eq!(sent[0].get("callback").is_some(), can, "{sent:?}");
    }
}

/// Starts an issuance at a wallet that can call back, and gives the address for it.
async fn start_and_get_address(wallet: &ExternalWallet, correlation_id: &str) -> String {
    wallet
        .backend
        .start(&iban(correlation_id))
        .await
        .expect(201);
    let sent = wallet.started_with().pop().expect("the wallet was called");
    sent["callback"]["url"].as_str().expect("a URL").to_owned()
}

async fn call_back(url: &str, body: &Value) -> Answer {
    Answer::to(http_client().post(url).json(body)).await
}

#[tokio::test]
async fn a_callback_is_a_hint_and_carries_no_trust() {
    let wallet = ExternalWallet::start_calling_back().await;
    let id = unique("hint");
    let url = start_and_get_address(&wallet, &id).await;
    assert!(!url.contains(&id), "{url}");

    let lie = json!({"status": "issue_completed", "correlation_id": id, "stage": "accepted"});
    call_back(&url, &lie).await.expect(202);
    let asked = async || (wallet.asked("status") == 1).then_some(());
    eventually("the wallet is asked itself", PATIENCE, asked).await;
    wallet.queues().settle().await;
    let status = wallet.backend.status(&id).await.expect(200);
    assert_eq!(status.str("status"), "issue_request_created");

    wallet.on_status([Behaviour::Status("issue_completed")]);
    // Whatever comes as a body.
    Answer::to(http_client().post(&url).body("x".repeat(60_000)))
        .await
        .expect(202);
    wallet.records().until_state(&id, "completed").await;
}

#[tokio::test]
async fn callbacks_that_come_many_times_are_dealt_with_together() {
    let wallet = ExternalWallet::start_calling_back().await;
    let id = unique("many-hints");
    let url = start_and_get_address(&wallet, &id).await;
    let twenty_calls = || join_all((0..20).map(|_| async { call_back(&url, &json!({})).await }));
    twenty_calls().await;
    wallet.queues().settle().await;
    let asked = wallet.asked("status");
    assert!((1..=20).contains(&asked), "asked {asked} times");

    wallet.on_status([Behaviour::Status("issue_completed")]);
    for answer in twenty_calls().await {
        answer.expect(202);
    }
    wallet.records().until_state(&id, "completed").await;
    wallet.queues().settle().await;
    let completed = wallet.backend.status(&id).await.expect(200).body;
    assert_eq!(completed["sequence"], 2, "created and completed, each once");
    assert_eq!(wallet.queues().dead().await, 0);
}

#[tokio::test]
async fn an_address_that_was_not_given_out_here_is_unknown_and_costs_nothing() {
    let (tap, functions) = Wiretap::start_with(&EXTERNAL).await;
    let elsewhere = ExternalWallet::start_calling_back().await;
    let of_another_secret = start_and_get_address(&elsewhere, &unique("elsewhere")).await;
    let (_, token) = of_another_secret.rsplit_once('/').expect("a path");
    let mut forged = token.to_owned();
    forged.replace_range(..1, if forged.starts_with('A') { "B" } else { "A" });
    for token in [token, &forged, "89cba89", "AAAA", &"A".repeat(2_000)] {
        let path = format!("/api/v2/wallet-callbacks/{token}");
        let refused = Answer::to(functions.backend.request("POST", &path)).await;
        refused.expect_problem(404);
    }
    assert!(tap.permissions_of("wallet-callback").is_empty());
}
