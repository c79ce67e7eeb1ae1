//! Nothing that a customer said about themselves, and no secret, token, code or key is written down where it does
//! not belong (invariant 7); and after their time claims are nowhere, not even encrypted (invariant 8).
//!
//! Values that occur nowhere else are planted wherever a value can come from. Every flow and every fault is
//! run, with the functions logging all they can. Then everything that was written is searched.

use serde_json::json;

use crate::backend::{PATIENCE, unique};
use crate::echoing_wallet::{ECHOED_KEY, ECHOED_SECRET, ECHOED_TOKEN, EchoingWallet};
use crate::eventually::eventually;
use crate::marked_flows::{
    bulk, credential, deliveries, keys, marked_starts, notify, read_offer, refused_starts, revoke,
    start, token,
};
use crate::marked_stage::Stage;
use crate::marks::Place;
use crate::tables::an_hour_later;
use crate::wallet_client::{WalletClient, offer_uri};

/// What every value has that is planted here, whoever sends it, wherever.
const IN_EVERY_MARK: &str = "Xq7Lf0Wz";
/// What a backend says of a change of a credential's status: kept with it, and told nobody.
const IN_REASON: &str = "Pv5Ks9Hd";
/// What a receiver of callbacks has in its address.
const IN_CALLBACK: &str = "Hz9Uy3Wj";
/// What a pipeline puts on the start queue.
const IN_PIPELINE: &str = "Fx7Sw1Vg";
/// What the test puts on a queue itself.
const IN_POISON: &str = "Yr8Mg1Xa";

#[tokio::test]
async fn marked_values_are_found_nowhere_and_claims_nowhere_after_their_time() {
    let mut stage = Stage::start([]).await;
    stage.marks.add("a marked value", IN_EVERY_MARK);
    let marks = &mut stage.marks;
    marks.add_meant_for(&[Place::Queue], "a poisoned message", IN_POISON);
    marks.add_meant_for(&[Place::Queue], "a pipeline's start", IN_PIPELINE);
    marks.add_meant_for(&[Place::Table], "a reason", IN_REASON);
    marks.add_meant_for(&[Place::Table], "a callback's key", IN_CALLBACK);
    let mut ids = Vec::new();

    // Issued, each template another way to the end.
    let endings: [&[&str]; 3] = [
        &["credential_accepted", "credential_deleted"],
        &["credential_failure"],
        &[],
    ];
    for (body, events) in marked_starts().into_iter().zip(endings) {
        let mut body = body;
        body["tx_code"] =
            json!({"input_mode": "text", "length": 16, "description": "We sent it by letter."});
        let (id, started) = start(&mut stage, "issued", &body).await;
        let wallet = WalletClient::new();
        let offer = read_offer(&mut stage, &wallet, &started).await;
        let tx_code = started.str("tx_code");
        let access_token = token(&mut stage, &wallet, &offer, Some(tx_code)).await;
        let taken = credential(&mut stage, &wallet, offer, access_token).await;
        notify(&wallet, &taken, events).await;
        let completed = stage.backend.until_status(&id, "issue_completed").await;
        if let Some(uuid) = completed["revocation_uuid"].as_str() {
            revoke(&stage, uuid).await;
        }
        ids.push(id);
    }
    // Guessed at until it was dead; fetched and forgotten; never fetched; redeemed and forgotten.
    let mut guessed = marked_starts().remove(0);
    guessed["tx_code"] = json!({"input_mode": "text", "length": 16});
    let (id, started) = start(&mut stage, "guessed", &guessed).await;
    let wallet = WalletClient::new();
    let offer = read_offer(&mut stage, &wallet, &started).await;
    for guess in 0..6 {
        let guess = format!("MarkedGuess{guess}Xq7Lf0Wz");
        wallet.token(&offer, Some(&guess)).await.expect(400);
    }
    stage.backend.until_status(&id, "error").await;
    ids.push(id);
    for steps in 0..3 {
        let (id, started) = start(&mut stage, "forgotten", &marked_starts()[steps]).await;
        if steps > 0 {
            let offer = read_offer(&mut stage, &wallet, &started).await;
            if steps > 1 {
                token(&mut stage, &wallet, &offer, None).await;
            }
        }
        ids.push(id);
    }
    deliveries(&mut stage).await;
    bulk(&mut stage, IN_PIPELINE).await;
    keys(&mut stage).await;
    refused_starts(&stage).await;
    stage.queues().send("MarkedPoisonYr8Mg1Xa").await;
    let poisoned = json!({"correlation_id": ids[0], "claims": "MarkedPoisonousClaimYr8Mg1Xa"});
    stage.queues().send(&poisoned.to_string()).await;
    stage
        .until_logged("a message on the poll queue is not a poll message")
        .await;

    for event in [
        "issue.created",
        "issue.completed",
        "issue.failed",
        "credential.revoked",
    ] {
        stage
            .until_published(&format!("com.bestow.{event}.v1"))
            .await;
    }
    stage.assert_no_leak().await;
    assert!(stage.logged().lines().count() > 100, "they do log");

    // Their time passes.
    for id in stage.offers_with_claims().await {
        an_hour_later(&stage.processes.running, &id).await;
    }
    let erased = stage
        .processes
        .running
        .invoke("purge-expired-claims", json!({}))
        .await;
    let erased = erased.expect("it runs")["erased"].as_u64();
    assert!(
        erased >= Some(4 + 4),
        "those of four issuances, and of what was started in bulk"
    );
    for id in &ids[4..] {
        let status = stage.backend.until_status(id, "error").await;
        assert_eq!(status["error"]["code"], "expired");
    }
    assert_eq!(stage.offers_with_claims().await, Vec::<String>::new());
    for (table, items) in stage.every_item().await {
        for item in items {
            // Of a table of offers, and of one of jobs.
            let claims = |name: &&String| name.starts_with("encrypted_") || *name == "lines";
            let left = item.as_object().expect("an item").keys().find(claims);
            assert_eq!(left, None, "{table}: {}", item["pk"]);
        }
    }
    stage.assert_no_leak().await;
}

#[tokio::test]
async fn a_wallet_that_repeats_whatever_it_is_told_is_not_repeated() {
    let echo = EchoingWallet::start().await;
    let by_key = [
        ("WalletApiKey", ECHOED_KEY),
        ("WalletTokenUrl", ""),
        ("WalletClientId", ""),
    ];
    let token_url = format!("{}/token", echo.url);
    let by_token = [
        ("WalletClientSecret", ECHOED_SECRET),
        ("WalletTokenUrl", token_url.as_str()),
        ("WalletClientId", "bestow"),
    ];
    for [one, two, three] in [by_key, by_token] {
        let mut stage = Stage::start([("WalletBaseUrl", echo.url.as_str()), one, two, three]).await;
        stage.marks.add("the wallet's key", ECHOED_KEY);
        stage.marks.add("the client's secret", ECHOED_SECRET);
        stage.marks.add("the client's token", ECHOED_TOKEN);
        // What the wallet refuses, it says to whom it came from.
        let relayed = &[Place::Answer];
        stage
            .marks
            .add_meant_for(relayed, "a marked claim", IN_EVERY_MARK);
        let body = |id: &str| {
            let mut body = marked_starts().remove(0);
            body["correlation_id"] = json!(id);
            body
        };
        let id = unique("followed");
        // The first answers of the token endpoint are failures too.
        echo.answer_starts_with(0);
        let started = eventually("a start is taken", PATIENCE, async || {
            let answer = stage.backend.start(&body(&id)).await;
            (answer.status == 201).then_some(answer)
        })
        .await;
        for status in [
            200, 201, 302, 400, 401, 403, 404, 409, 413, 418, 422, 429, 500, 503,
        ] {
            echo.answer_starts_with(status);
            let asked = echo.asked_to_start();
            let refused = eventually("the wallet is asked to start", PATIENCE, async || {
                let refused = stage.backend.start(&body(&unique("echoed"))).await;
                (echo.asked_to_start() > asked).then_some(refused)
            })
            .await;
            refused.expect_problem(refused.status);
            assert!(refused.status >= 400 && refused.status != 500);
        }
        let link = offer_uri(started.str("request_uri"));
        stage
            .marks
            .add_meant_for(&[Place::Table], "the offer's link", &link);
        for status in [200, 401, 404, 500] {
            let asked = echo.asked_for_status();
            echo.answer_statuses_with(status);
            eventually("the wallet is asked", PATIENCE, async || {
                stage.backend.status(&id).await.expect(200);
                (echo.asked_for_status() > asked).then_some(())
            })
            .await;
        }
        stage.assert_no_leak().await;
    }
}
