//! Callbacks of a wallet: they make the next poll come at once, and nothing depends on them.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{Backend, PATIENCE, badge, http_client, iban, unique};
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, ExternalWallet};
use crate::function_host::{Functions, NOBODY, free_port};
use crate::receiver::Receiver;
use crate::records::Records;
use crate::wallet_client::WalletClient;
use crate::wiretap::Wiretap;

/// Nobody asks for the status, and the schedule's first poll is a quarter of an hour away.
#[tokio::test]
async fn completion_is_known_without_a_query_and_costs_two_polls_and_a_report_costs_one_more() {
    let (tap, functions) = Wiretap::start().await;
    let records = Records::of(&functions.running);
    let id = unique("told");
    let started = functions.backend.start_iban(&id).await;

    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    let scanned = async || {
        let stage = records.text(&id, "stage").await;
        (stage.as_deref() == Some("offer_retrieved")).then_some(())
    };
    eventually("the scan is known", PATIENCE, scanned).await;

    let access_token = wallet.access_token(&offer).await;
    let taken = wallet.take_with_token(offer, access_token).await;
    records.until_state(&id, "completed").await;
    assert_eq!(
        tap.questions(),
        2,
        "one for the scan, one for the credential"
    );

    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    let accepted = async || {
        let stage = records.text(&id, "stage").await;
        (stage.as_deref() == Some("accepted")).then_some(())
    };
    eventually("it is known that it is kept", PATIENCE, accepted).await;
    functions.queues().settle().await;
    assert_eq!(tap.questions(), 3, "one more for the report");

    // Whoever repeats a report has not seen its answer, so the first callback may be lost too.
    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    let asked_again = async || (tap.questions() == 4).then_some(());
    eventually("a repeated report is told again", PATIENCE, asked_again).await;
    functions.queues().settle().await;
    assert_eq!(
        records.text(&id, "stage").await.as_deref(),
        Some("accepted")
    );
    assert_eq!(
        records.text(&id, "state").await.as_deref(),
        Some("completed")
    );
}

#[tokio::test]
async fn a_wrong_transaction_code_too_often_is_told_too() {
    let (tap, functions) = Wiretap::start().await;
    let id = unique("exhausted");
    let mut body = iban(&id);
    body["tx_code"] = json!({});
    let started = functions.backend.start(&body).await.expect(201);
    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    for _ in 0..5 {
        wallet.token(&offer, Some("not-it")).await.expect(400);
    }
    let records = Records::of(&functions.running);
    records.until_state(&id, "failed").await;
    assert!(tap.questions() <= 2);
}

/// Functions whose wallet is told to call back at an address of the test's.
async fn calling_back_at(base_url: &str) -> Functions {
    Functions::start(|binary, variables| {
        if binary == "start-issue" {
            variables.insert("WALLET_CALLBACK_BASE_URL".to_owned(), base_url.to_owned());
        }
    })
    .await
}

#[tokio::test]
async fn callbacks_that_are_lost_hold_up_neither_the_holder_nor_the_end() {
    let functions = calling_back_at(NOBODY).await;
    let records = Records::of(&functions.running);
    let id = unique("lost-callbacks");
    let started = functions.backend.start_iban(&id).await;
    WalletClient::new().take(started.str("request_uri")).await;
    let state = records.text(&id, "state").await;
    assert_eq!(state.as_deref(), Some("offered"), "nobody said anything");

    // The schedule's poll, which is on its way already, before its time.
    assert_eq!(functions.queues().delayed().await, 1);
    functions.queues().poll(&id, 0).await;
    records.until_state(&id, "completed").await;
}

#[tokio::test]
async fn a_backend_that_never_answers_holds_up_the_holder_for_a_moment_only() {
    // The connection is taken by the operating system, and then nothing comes.
    let silent = free_port().await;
    let address = silent.local_addr().expect("an address");
    let functions = calling_back_at(&format!("http://{address}")).await;
    let started = functions.backend.start_iban(&unique("silent")).await;
    let began = Instant::now();
    let wallet = WalletClient::new();
    let taken = wallet.take(started.str("request_uri")).await;
    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    // A second for each of three callbacks, and the time that all the rest takes.
    assert!(
        began.elapsed() < Duration::from_secs(12),
        "{:?}",
        began.elapsed()
    );
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
    let (tap, functions) = Wiretap::start().await;
    let elsewhere = ExternalWallet::start_calling_back().await;
    let of_another_secret = start_and_get_address(&elsewhere, &unique("elsewhere")).await;
    let (_, token) = of_another_secret.rsplit_once('/').expect("a path");
    let mut forged = token.to_owned();
    forged.replace_range(..1, if forged.starts_with('A') { "B" } else { "A" });
    for token in [token, &forged, "89cba89", "AAAA", "%FF", &"A".repeat(2_000)] {
        let path = format!("/api/v2/wallet-callbacks/{token}");
        let refused = Answer::to(functions.backend.request("POST", &path)).await;
        refused.expect_problem(404);
    }
    assert!(tap.permissions_of("wallet-callback").is_empty());
}

/// The bundled wallet's own callers.
fn wallets_caller(functions: &Functions) -> Backend {
    let variables = functions
        .running
        .function_environment("wallet")
        .expect("one");
    let base_url = format!("{}/wallet", functions.backend.base_url);
    Backend::new(&base_url, &variables["WALLET_API_KEY"])
}

#[tokio::test]
async fn the_bundled_wallet_tells_each_change_that_its_caller_asked_for() {
    let functions = Functions::start(|_, _| {}).await;
    let caller = wallets_caller(&functions);
    for (wanted, expected) in [
        (
            json!([]),
            vec!["offer_retrieved", "credential_issued", "accepted"],
        ),
        (
            json!("issue_completed,error"),
            vec!["credential_issued", "accepted"],
        ),
    ] {
        let receiver = Receiver::start().await;
        let id = unique("wallets-caller");
        let mut body = badge(&id);
        body["callback"] = json!({"url": receiver.url, "status": wanted});
        let started = caller.start(&body).await.expect(201);
        let wallet = WalletClient::new();
        let taken = wallet.take(started.str("request_uri")).await;
        wallet
            .notify(&taken, "credential_accepted")
            .await
            .expect(204);
        // Each is told before the customer's wallet has its answer.
        let told = receiver.received();
        let stages: Vec<_> = told.iter().map(|status| status["stage"].clone()).collect();
        assert_eq!(stages, expected, "{told:?}");
        assert!(told.iter().all(|status| status["correlation_id"] == id));
        let status = caller.status(&id).await.expect(200).body;
        assert_eq!(told.last(), Some(&status), "the answer of Get issue status");
    }
}
