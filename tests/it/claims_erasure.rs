//! Claims do not stay (invariant 8): while a wallet could still ask by them they are there, and then they are
//! erased, whatever became of the issuance, which is told all the same.

use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use bestow_functions::{Function, Handler};
use bestow_local::{FunctionHost, LocalCloud, Options, RunningCloud};
use bestow_runtime::Env;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{PATIENCE, iban, unique};
use crate::cloud::Cloud;
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, ExternalWallet};
use crate::function_host::{free_port, serve};
use crate::job::Job;
use crate::tables::{self, an_hour_later, job_table, offer_of, put_due_chunk};
use crate::wallet_client::{Taken, WalletClient};

/// How long a run may take.
const RUN: Duration = Duration::from_secs(50);
/// What an offer has as long as it has claims.
const OF_CLAIMS: [&str; 3] = ["encrypted_claims", "erase_at_seconds", "erase_shard"];

async fn has_claims(cloud: &RunningCloud, correlation_id: &str) -> bool {
    let offer = offer_of(cloud, correlation_id).await;
    let there = OF_CLAIMS.map(|name| offer.get(name).is_some());
    assert!(
        there == [true; 3] || there == [false; 3],
        "all of these or none: {there:?}"
    );
    there[0]
}

async fn erase(cloud: &RunningCloud) -> Value {
    cloud
        .invoke("purge-expired-claims", json!({}))
        .await
        .expect("it runs")
}

/// What a wallet does whose answer was lost: the same request, with a new proof.
async fn ask_again(wallet: &WalletClient, taken: &Taken) -> Answer {
    let proof = wallet.proof(&taken.offer).await.sign(&wallet.key);
    wallet
        .credential(&taken.offer, &taken.access_token, &proof)
        .await
}

#[tokio::test]
async fn the_claims_of_an_offer_that_expired_are_erased_and_it_is_told_as_expired() {
    let cloud = Cloud::start_ephemeral().await;
    let (backend, running) = (cloud.backend(), &cloud.running);
    let [never_fetched, fetched, redeemed, open] =
        ["never-fetched", "fetched", "redeemed", "open"].map(unique);
    let wallet = WalletClient::new();
    let mut offers = Vec::new();
    for id in [&never_fetched, &fetched, &redeemed, &open] {
        let started = backend.start_iban(id).await;
        if *id != never_fetched {
            offers.push(wallet.read_offer(started.str("request_uri")).await);
        }
    }
    wallet.token(&offers[1], None).await.expect(200);
    assert_eq!(erase(running).await["erased"], 0, "nothing is due");

    for id in [&never_fetched, &fetched, &redeemed] {
        an_hour_later(running, id).await;
    }
    let erased = erase(running).await;
    assert_eq!(erased["erased"], 3);
    assert_eq!(erased["unfinished"], false);
    let late_by = erased["latest_seconds"].as_i64().expect("a number");
    assert!((2600..=3600).contains(&late_by), "{late_by}");
    assert_eq!(erase(running).await["erased"], 0, "they are gone");

    for id in [&never_fetched, &fetched, &redeemed] {
        assert!(!has_claims(running, id).await, "{id}");
        let status = backend.until_status(id, "error").await;
        assert_eq!(status["error"]["code"], "expired");
    }
    wallet
        .token(&offers[0], None)
        .await
        .expect_oauth_error(400, "invalid_grant");
    assert!(has_claims(running, &open).await);
    let token = wallet.token(&offers[2], None).await.expect(200);
    let open_offer = offers.remove(2);
    wallet
        .take_with_token(open_offer, token.str("access_token").to_owned())
        .await;
}

#[tokio::test]
async fn the_claims_of_a_credential_stay_for_a_lost_answer_and_go_when_its_token_is_over() {
    let cloud = Cloud::start_ephemeral().await;
    let (backend, running) = (cloud.backend(), &cloud.running);
    let id = unique("unreported");
    let started = backend.start_iban(&id).await;
    let wallet = WalletClient::new();
    let taken = wallet.take(started.str("request_uri")).await;
    let completed = backend.until_status(&id, "issue_completed").await;

    assert_eq!(erase(running).await["erased"], 0);
    let again = ask_again(&wallet, &taken).await;
    again.expect(200);

    an_hour_later(running, &id).await;
    assert_eq!(erase(running).await["erased"], 1);
    assert!(!has_claims(running, &id).await);
    let late = ask_again(&wallet, &taken).await;
    late.expect_oauth_error(401, "invalid_token");
    let status = backend.status(&id).await.expect(200).body;
    assert_eq!(status["status"], completed["status"]);
    assert_eq!(status["revocation_uuid"], completed["revocation_uuid"]);

    let uuid = completed["revocation_uuid"].as_str().expect("a UUID");
    let revoked = backend.set_credential_status(uuid, "revoked").await;
    assert_eq!(
        revoked.expect(200).body["status"],
        "revoked",
        "without claims"
    );
}

#[tokio::test]
async fn the_claims_of_a_credential_that_the_wallet_keeps_go_at_once() {
    let cloud = Cloud::start_ephemeral().await;
    let (backend, running) = (cloud.backend(), &cloud.running);
    let wallet = WalletClient::new();
    for (event, stays) in [
        ("credential_accepted", false),
        ("credential_failure", true),
        ("credential_deleted", false),
    ] {
        let id = unique(event);
        let started = backend.start_iban(&id).await;
        let taken = wallet.take(started.str("request_uri")).await;
        wallet.notify(&taken, event).await.expect(204);
        assert_eq!(has_claims(running, &id).await, stays, "{event}");
        let again = ask_again(&wallet, &taken).await;
        if stays {
            again.expect(200);
        } else {
            again.expect_oauth_error(400, "credential_request_denied");
        }
    }
}

/// The chunks of jobs that are stored.
async fn chunks(cloud: &RunningCloud) -> Vec<Value> {
    let mut items = tables::of(cloud).items(job_table(cloud)).await;
    items.retain(|item| item.get("first_line").is_some());
    items
}

#[tokio::test]
async fn lines_whose_messages_are_lost_lose_their_claims_and_have_failed() {
    let wallet = ExternalWallet::start().await;
    let running = wallet.running();
    let wait = vec![("retry-after", "900".to_owned())];
    wallet.on_start(Behaviour::Answer(429, wait, String::new()));
    let lines: Vec<Value> = (0..30).map(|_| iban(&unique("lost"))).collect();
    let job = Job::start(&wallet.backend, &lines).await;
    let was_asked = async || (wallet.asked("start") > 0).then_some(());
    eventually("the wallet was asked", PATIENCE, was_asked).await;
    assert_eq!(erase(running).await["erased"], 0, "nothing is due");

    // No message of theirs comes any more; a day passes.
    for chunk in chunks(running).await {
        assert!(chunk.get("lines").is_some());
        let due: i64 = chunk["erase_at_seconds"]["N"]
            .as_str()
            .expect("a time")
            .parse()
            .expect("a number");
        let update = json!({
            "TableName": job_table(running),
            "Key": {"pk": chunk["pk"], "sk": chunk["sk"]},
            "UpdateExpression": "SET erase_at_seconds = :due",
            "ExpressionAttributeValues": {":due": {"N": (due - 25 * 60 * 60).to_string()}},
        });
        tables::of(running).call("UpdateItem", &update).await;
    }
    assert_eq!(erase(running).await["erased"], 30);
    assert_eq!(erase(running).await["erased"], 0, "they are gone");
    for chunk in chunks(running).await {
        for name in ["lines", "is_open", "erase_shard", "erase_at_seconds"] {
            assert_eq!(chunk.get(name), None, "{name}");
        }
    }
    let status = job.status().await;
    assert_eq!(
        (&status["done"], &status["failed"]),
        (&json!(30), &json!(30))
    );
    for result in job.results().await {
        assert_eq!(result["status"], "failed");
        assert_eq!(result["problem"]["status"], 503);
    }
}

#[tokio::test]
async fn without_the_bundled_wallet_the_lines_of_jobs_are_still_looked_after() {
    let cloud = Cloud::start_with_parameters([
        ("WalletBaseUrl", "https://wallet.example"),
        ("WalletApiKey", "a key of the external wallet"),
    ])
    .await;
    put_due_chunk(&cloud.running).await;
    assert_eq!(erase(&cloud.running).await["erased"], 1);
}

#[tokio::test]
async fn the_schedule_is_that_of_the_template() {
    let cloud = Cloud::start_ephemeral().await;
    let schedules = cloud.running.schedules();
    let [schedule] = schedules else {
        panic!("{schedules:?}")
    };
    assert_eq!(schedule.function, "PurgeExpiredClaimsFunction");
    assert_eq!(schedule.every, Duration::from_secs(60));
    let fault = cloud.running.invoke("wallet", json!({})).await.unwrap_err();
    assert!(fault.contains("wallet"), "{fault}");
}

/// The function in this process, with an environment of one's own.
async fn function(cloud: &RunningCloud, table: &str, timeout: Duration) -> Handler {
    let mut variables = cloud
        .function_environment("purge-expired-claims")
        .expect("it has one")
        .clone();
    variables.insert("WALLET_TABLE".to_owned(), table.to_owned());
    let function = Function::named("purge-expired-claims").expect("it is there");
    let started = function.start(&Env::from_iter(variables), timeout).await;
    started.unwrap_or_else(|fault| panic!("{fault}"))
}

#[tokio::test]
async fn a_run_that_is_out_of_time_says_so_and_the_next_goes_on() {
    let cloud = Cloud::start_ephemeral().await;
    let running = &cloud.running;
    let id = unique("late");
    cloud.backend().start_iban(&id).await;
    an_hour_later(running, &id).await;
    let table = running.wallet_table();

    let hurried = function(running, table, Duration::ZERO).await;
    let cut_short = hurried(json!({})).await.expect("it runs");
    assert_eq!(cut_short["unfinished"], true);
    assert_eq!(cut_short["erased"], 0);
    let unhurried = function(running, table, RUN).await;
    let next = unhurried(json!({})).await.expect("it runs");
    assert_eq!(next["unfinished"], false);
    assert_eq!(next["erased"], 1);
    assert!(!has_claims(running, &id).await);
}

#[tokio::test]
async fn a_table_that_cannot_be_read_is_a_failure_and_not_nothing_to_do() {
    let cloud = Cloud::start_ephemeral().await;
    let function = function(&cloud.running, "no-such-table", RUN).await;
    let failed = function(json!({})).await.unwrap_err();
    assert!(failed.contains("8 failures"), "each shard: {failed}");
}

#[tokio::test]
async fn a_table_of_an_earlier_run_gets_its_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let id = unique("restarted");
    let cloud = Cloud::start_in(directory.path(), 0).await;
    cloud.backend().start_iban(&id).await;
    let drop_index = json!({
        "TableName": cloud.running.wallet_table(),
        "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "claims-to-erase"}}],
    });
    tables::of(&cloud.running)
        .call("UpdateTable", &drop_index)
        .await;
    cloud.running.shutdown().await;

    let cloud = Cloud::start_in(directory.path(), 0).await;
    an_hour_later(&cloud.running, &id).await;
    assert_eq!(erase(&cloud.running).await["erased"], 1);
}

/// As under `cargo lambda watch`.
#[tokio::test]
async fn the_function_runs_behind_an_invoke_api() {
    let listener = free_port().await;
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let functions = FunctionHost::InvokeApi { endpoint };
    let options = Options {
        functions,
        ..Options::default()
    };
    let running = LocalCloud::start(options).await.expect("it starts");
    let handler = function(&running, running.wallet_table(), RUN).await;
    let invoke = async |State(handler): State<Handler>, Json(event): Json<Value>| {
        handler(event).await.map(Json)
    };
    let path = "/2015-03-31/functions/purge-expired-claims/invocations";
    let routes = Router::new().route(path, post(invoke)).with_state(handler);
    serve(routes, listener);
    put_due_chunk(&running).await;
    assert_eq!(erase(&running).await["erased"], 1);
}
