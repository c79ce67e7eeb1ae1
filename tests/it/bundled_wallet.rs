//! The bundled wallet in process: what it does is known without a query and without a callback, by the stream of its
//! table.

use serde_json::json;

use crate::backend::{PATIENCE, iban, unique};
use crate::cloud::Cloud;
use crate::eventually::eventually;
use crate::records::Records;
use crate::tables::{self, an_hour_later};
use crate::wallet_client::WalletClient;
use crate::wiretap::Wiretap;

async fn until_stage(records: &Records, id: &str, wanted: &str) {
    eventually(&format!("{id} is {wanted}"), PATIENCE, async || {
        let stage = records.text(id, "stage").await;
        (stage.as_deref() == Some(wanted)).then_some(())
    })
    .await;
}

/// Nobody asks for the status, and the schedule's first poll is a quarter of an hour away.
#[tokio::test]
async fn each_step_of_the_customer_is_known_without_a_query_and_costs_one_question_at_most() {
    let (tap, functions) = Wiretap::start().await;
    let records = Records::of(&functions.running);
    let id = unique("told");
    let started = functions.backend.start_iban(&id).await;

    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    until_stage(&records, &id, "offer_retrieved").await;
    let access_token = wallet.access_token(&offer).await;
    until_stage(&records, &id, "token_issued").await;
    let taken = wallet.take_with_token(offer, access_token).await;
    until_stage(&records, &id, "credential_issued").await;
    let accepted = wallet.notify(&taken, "credential_accepted").await;
    accepted.expect(204);
    until_stage(&records, &id, "accepted").await;
    assert_eq!(tap.questions(), 4, "one for each step");

    // Whoever repeats a report has not seen its answer. It changes nothing, so nobody is asked.
    let repeated = wallet.notify(&taken, "credential_accepted").await;
    repeated.expect(204);
    functions.queues().settle().await;
    assert_eq!(tap.questions(), 4);
    let sent = tap.permissions_of("poll-status");
    let to_queue = ("sqs:SendMessage".to_owned(), "PollQueue".to_owned());
    assert!(!sent.contains(&to_queue), "the schedule was left alone");
    let status = functions.backend.status(&id).await.expect(200).body;
    assert_eq!(
        (&status["sequence"], &status["stage"]),
        (&json!(5), &json!("accepted"))
    );
}

#[tokio::test]
async fn a_wrong_transaction_code_too_often_is_told_too() {
    let cloud = Cloud::start_ephemeral().await;
    let id = unique("exhausted");
    let mut body = iban(&id);
    body["tx_code"] = json!({});
    let started = cloud.backend().start(&body).await.expect(201);
    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    for _ in 0..5 {
        wallet.token(&offer, Some("not-it")).await.expect(400);
    }
    Records::of(&cloud.running).until_state(&id, "failed").await;
}

/// Whoever erases the claims of an offer that nobody took writes to the table: that tells of its end.
#[tokio::test]
async fn an_offer_that_nobody_takes_is_told_as_expired_when_its_claims_go() {
    let cloud = Cloud::start_ephemeral().await;
    let id = unique("expired");
    cloud.backend().start_iban(&id).await;
    an_hour_later(&cloud.running, &id).await;
    let erased = cloud
        .running
        .invoke("purge-expired-claims", json!({}))
        .await;
    assert_eq!(erased.expect("it runs")["erased"], 1);
    let records = Records::of(&cloud.running);
    until_stage(&records, &id, "expired").await;
    records.until_state(&id, "failed").await;
}

#[tokio::test]
async fn what_the_stream_told_while_the_wallet_could_not_be_read_is_made_up_for() {
    let (tap, functions) = Wiretap::start().await;
    let id = unique("outage");
    let started = functions.backend.start_iban(&id).await;
    tap.wallet_is_down(true);
    WalletClient::new().take(started.str("request_uri")).await;
    functions.queues().settle().await;
    tap.wallet_is_down(false);
    let records = Records::of(&functions.running);
    records.until_state(&id, "completed").await;
}

/// The record remembers what was started, and the wallet by the same name: not by a secret that may be rotated.
#[tokio::test]
async fn an_issuance_that_has_ended_is_never_offered_again() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    let id = unique("ended");
    let mut body = iban(&id);
    body["tx_code"] = json!({});
    let started = backend.start(&body).await.expect(201);
    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    let token = wallet.token(&offer, Some(started.str("tx_code"))).await;
    let token = token.expect(200).str("access_token").to_owned();
    wallet.take_with_token(offer, token).await;
    backend.until_status(&id, "issue_completed").await;

    // What the table's TTL does after a month.
    let tables = tables::of(&cloud.running);
    let item = tables::offer_of(&cloud.running, &id).await;
    let gone = json!({
        "TableName": cloud.running.wallet_table(),
        "Key": {"pk": item["pk"], "sk": item["sk"]},
    });
    tables.call("DeleteItem", &gone).await;

    let refused = backend.start(&body).await;
    refused.expect_problem(409);
    assert!(refused.text().contains("has ended"), "{}", refused.text());
    assert_eq!(
        tables
            .items(cloud.running.wallet_table())
            .await
            .iter()
            .filter(|item| item["sk"]["S"] == "offer")
            .count(),
        0
    );
}
