//! Every change is announced, at least once, in order, by an event that its schema describes (invariant 3).

use bestow_aws::sdk::Sdk;
use bestow_bundled_wallet::BundledCredentials;
use bestow_contract::{CredentialStatus, CredentialStatusChange};
use bestow_issuance::ports::CredentialWallet;
use bestow_local::{EventQuery, RunningCloud};
use bestow_runtime::Env;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{PATIENCE, badge, http_client, iban, unique};
use crate::cloud::{self, Cloud};
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, ExternalWallet};
use crate::template::workspace_file;
use crate::wallet_client::WalletClient;

pub const CREATED: &str = "com.bestow.issue.created.v1";
const PROGRESSED: &str = "com.bestow.issue.progressed.v1";
pub const COMPLETED: &str = "com.bestow.issue.completed.v1";
const FAILED: &str = "com.bestow.issue.failed.v1";
const EXPIRED: &str = "com.bestow.issue.expired.v1";
const SUSPENDED: &str = "com.bestow.credential.suspended.v1";
const REINSTATED: &str = "com.bestow.credential.reinstated.v1";
const REVOKED: &str = "com.bestow.credential.revoked.v1";

/// Waits until an event of this type came for an issuance, and gives all of it so far. Each of them is
/// what its schema says.
pub async fn events_until(cloud: &RunningCloud, correlation_id: &str, last: &str) -> Vec<Value> {
    let is_last = |event: &Value| event["type"] == last;
    events_like(cloud, correlation_id, last, is_last).await
}

/// The same until an event came that `is_last`.
async fn events_like(
    cloud: &RunningCloud,
    correlation_id: &str,
    last: &str,
    is_last: impl Fn(&Value) -> bool,
) -> Vec<Value> {
    let query = EventQuery {
        correlation_id: Some(correlation_id.to_owned()),
        ..EventQuery::default()
    };
    let events = eventually(
        &format!("{last} of {correlation_id}"),
        PATIENCE,
        async || {
            let events: Vec<Value> = cloud
                .published(&query)
                .into_iter()
                .map(|published| published.event)
                .collect();
            events.iter().any(&is_last).then_some(events)
        },
    )
    .await;
    for event in &events {
        assert_describes(event);
    }
    events
}

/// The schema of its type describes the event and every member of it.
fn assert_describes(event: &Value) {
    let name = event["type"].as_str().expect("a type");
    let mut schema: Value =
        serde_json::from_str(&workspace_file("shared/contract/events.schema.json")).expect("JSON");
    schema["$ref"] = json!(format!("#/$defs/{name}"));
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema");
    let faults: Vec<_> = validator
        .iter_errors(event)
        .map(|fault| fault.to_string())
        .collect();
    assert!(faults.is_empty(), "{event}: {faults:?}");
    let kind = name.split('.').nth(2).expect("a kind");
    for (value, definition) in [(event, "event"), (&event["data"], kind)] {
        let properties = &schema["$defs"][definition]["properties"];
        for member in value.as_object().expect("an object").keys() {
            assert!(properties.get(member).is_some(), "{member} in {event}");
        }
    }
}

fn member<'e>(events: &'e [Value], pointer: &str) -> Vec<&'e Value> {
    events
        .iter()
        .map(|event| event.pointer(pointer).unwrap_or(&Value::Null))
        .collect()
}

/// The sequences of events in their order, each once: what was announced again says nothing new.
pub fn sequences(events: &[Value]) -> Vec<u64> {
    let mut sequences: Vec<u64> = member(events, "/data/sequence")
        .into_iter()
        .map(|sequence| sequence.as_u64().expect("a number"))
        .collect();
    sequences.dedup();
    sequences
}

#[tokio::test]
async fn an_issuance_that_completes_is_told_of_from_its_start_to_its_end() {
    let cloud = cloud::shared();
    let backend = cloud.backend();
    let id = unique("told");
    let started = backend.start_iban(&id).await;
    WalletClient::new().take(started.str("request_uri")).await;
    let completed = backend.until_status(&id, "issue_completed").await;

    let events = events_until(&cloud.running, &id, COMPLETED).await;
    let types = member(&events, "/type");
    assert_eq!(types[0], CREATED);
    assert_eq!(types[types.len() - 1], COMPLETED);
    let between = &types[1..types.len() - 1];
    assert!(between.iter().all(|one| *one == PROGRESSED), "{types:?}");
    let expected: Vec<u64> = (1..=completed["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences(&events), expected);

    let last = &events[events.len() - 1];
    assert_eq!(
        last["data"], completed,
        "the event tells what a query tells"
    );
    assert_eq!(last["subject"], id);
    assert_eq!(last["source"], backend.base_url);
    let all = Value::from(events.clone()).to_string();
    for secret in ["request_uri", "credential_offer", "NL12TUL25708789078"] {
        assert!(!all.contains(secret), "{all}");
    }
}

#[tokio::test]
async fn what_becomes_of_the_credential_is_told_after_the_completion() {
    let cloud = cloud::shared();
    let id = unique("kept");
    let started = cloud.backend().start_iban(&id).await;
    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    // Nobody asks for the status, so what is polled is what the wallet calls back about.
    events_until(&cloud.running, &id, PROGRESSED).await;
    let access_token = wallet.access_token(&offer).await;
    let taken = wallet.take_with_token(offer, access_token).await;
    events_until(&cloud.running, &id, COMPLETED).await;
    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    let is_told = |stage: &str| {
        let stage = Value::from(stage);
        move |event: &Value| event["data"]["stage"] == stage
    };
    events_like(&cloud.running, &id, "accepted", is_told("accepted")).await;
    wallet
        .notify(&taken, "credential_deleted")
        .await
        .expect(204);
    let events = events_like(&cloud.running, &id, "deleted", is_told("deleted")).await;

    let text = |event: &Value, pointer: &str| -> String {
        let value = event.pointer(pointer).and_then(Value::as_str);
        value.expect("a text").to_owned()
    };
    let mut told: Vec<[String; 3]> = events
        .iter()
        .map(|event| ["/type", "/data/stage", "/data/status"].map(|name| text(event, name)))
        .collect();
    told.dedup();
    let (pending, completed) = ("issue_request_created", "issue_completed");
    assert_eq!(
        told,
        [
            [CREATED, "offer_created", pending],
            [PROGRESSED, "offer_retrieved", pending],
            [COMPLETED, "credential_issued", completed],
            [PROGRESSED, "accepted", completed],
            [PROGRESSED, "deleted", completed],
        ]
    );
    assert_eq!(sequences(&events), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn events_order_by_their_sequence_and_name_their_schema() {
    let cloud = cloud::shared();
    let backend = cloud.backend();
    let id = unique("ordered");
    let started = backend.start(&badge(&id)).await.expect(201);
    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(&id, "issue_completed").await;
    let events = events_until(&cloud.running, &id, COMPLETED).await;
    let texts = member(&events, "/sequence");
    assert!(texts.is_sorted_by_key(|text| text.as_str()), "{texts:?}");
    assert!(
        events
            .iter()
            .all(|event| event["data"].get("revocation_uuid").is_none()),
        "the badge has no status list"
    );
}

#[tokio::test]
async fn an_issuance_that_fails_is_told_of_as_failed() {
    let wallet = ExternalWallet::start().await;
    let id = unique("failing");
    wallet.backend.start(&iban(&id)).await.expect(201);
    wallet.on_status([Behaviour::Status("error")]);
    wallet.queues().poll(&id, 0).await;
    let events = events_until(wallet.running(), &id, FAILED).await;
    assert_eq!(member(&events, "/type"), [CREATED, FAILED]);
    assert_eq!(events[1]["data"]["status"], "error");
    assert!(events[1]["data"]["error"]["code"].is_string());
}

#[tokio::test]
async fn an_offer_that_runs_out_is_told_of_as_expired() {
    let wallet = ExternalWallet::start().await;
    let id = unique("expiring");
    wallet.backend.start(&iban(&id)).await.expect(201);
    let report = json!({
        "status": "error",
        "correlation_id": id,
        "stage": "expired",
        "error": {"code": "expired", "message": "NL12TUL25708789078 was not taken"},
    });
    wallet.on_status([Behaviour::json(200, &report)]);
    wallet.queues().poll(&id, 0).await;
    let events = events_until(wallet.running(), &id, EXPIRED).await;
    assert_eq!(member(&events, "/type"), [CREATED, EXPIRED]);
    assert_eq!(events[1]["data"]["stage"], "expired");
    let all = Value::from(events).to_string();
    assert!(
        !all.contains("NL12TUL"),
        "what a wallet writes is not told: {all}"
    );
}

#[tokio::test]
async fn the_events_are_served_and_filtered() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    let (first, second) = (unique("first"), unique("second"));
    for id in [&first, &second] {
        backend.start_iban(id).await;
        events_until(&cloud.running, id, CREATED).await;
    }
    let ask = async |query: &str| {
        let url = format!("{}{query}", cloud.running.events_url());
        Answer::to(http_client().get(url)).await
    };
    let subjects = |answer: &Answer| -> Vec<String> {
        let events = answer.body["events"].as_array().expect("events").iter();
        events
            .map(|one| {
                one["event"]["subject"]
                    .as_str()
                    .expect("a subject")
                    .to_owned()
            })
            .collect()
    };
    let all = ask("").await.expect(200);
    assert_eq!(subjects(&all), [first.clone(), second.clone()]);
    let one = ask(&format!("?correlation_id={second}")).await.expect(200);
    assert_eq!(subjects(&one), std::slice::from_ref(&second));
    let after = ask(&format!("?after={}", all.body["events"][0]["number"])).await;
    assert_eq!(subjects(&after), [second]);
    assert!(subjects(&ask(&format!("?type={COMPLETED}")).await).is_empty());
    ask("?after=yesterday").await.expect(400);
    let elsewhere = http_client()
        .get(cloud.running.events_url())
        .header("host", "name.tunnel.example");
    Answer::to(elsewhere).await.expect(403);
}

#[tokio::test]
async fn each_change_of_a_credentials_status_is_told_of_under_its_issuance() {
    let cloud = cloud::shared();
    let backend = cloud.backend();
    let id = unique("revocable");
    let started = backend.start_iban(&id).await;
    WalletClient::new().take(started.str("request_uri")).await;
    let completed = backend.until_status(&id, "issue_completed").await;
    let uuid = completed["revocation_uuid"].as_str().expect("a UUID");
    // A status that it has already is no change.
    for status in [
        "valid",
        "suspended",
        "suspended",
        "valid",
        "revoked",
        "revoked",
    ] {
        backend
            .set_credential_status(uuid, status)
            .await
            .expect(200);
    }
    backend
        .set_credential_status(uuid, "valid")
        .await
        .expect_problem(409);
    let events = events_until(&cloud.running, &id, REVOKED).await;
    let of_credential: Vec<Value> = events
        .into_iter()
        .filter(|event| event["data"].get("stage").is_none())
        .collect();
    assert_eq!(
        member(&of_credential, "/type"),
        [SUSPENDED, REINSTATED, REVOKED]
    );
    assert_eq!(sequences(&of_credential), [1, 2, 3]);
    assert!(
        member(&of_credential, "/data/revocation_uuid")
            .iter()
            .all(|one| *one == uuid)
    );
}

#[tokio::test]
async fn a_change_that_was_not_noted_is_found_by_the_check() {
    let cloud = Cloud::start_ephemeral().await;
    let backend = cloud.backend();
    let id = unique("unnoted");
    backend.start_iban(&id).await;
    events_until(&cloud.running, &id, CREATED).await;
    let status = backend.status(&id).await.expect(200).body;
    let uuid = status["revocation_uuid"].as_str().expect("a UUID");
    // The wallet is told, and whoever told it dies before it notes that.
    let variables = cloud.running.function_environment("set-credential-status");
    let env: Env = variables.expect("it has one").clone().into_iter().collect();
    let sdk = Sdk::from_env(&env).expect("clients");
    let wallet = BundledCredentials::from_env(&env, &sdk).expect("the wallet");
    let change = CredentialStatusChange {
        status: CredentialStatus::Revoked,
        reason: None,
    };
    let uuid_of_credential = uuid.parse().expect("a UUID");
    let told = wallet
        .set_credential_status(uuid_of_credential, &change)
        .await;
    told.expect("it is revoked");
    let queues = cloud.queues();
    let check = json!({"revocation_uuid": uuid}).to_string();
    queues.send(&check).await;
    queues.send(&check).await;
    let events = events_until(&cloud.running, &id, REVOKED).await;
    queues.settle().await;
    assert_eq!(member(&events, "/type"), [CREATED, REVOKED]);
    let unknown = json!({"revocation_uuid": "00000000-0000-4000-8000-000000000000"});
    queues.send(&unknown.to_string()).await;
    queues.settle().await;
    assert_eq!(queues.dead().await, 0);
}

#[tokio::test]
async fn the_schema_that_an_event_names_is_served_to_everyone() {
    let cloud = cloud::shared();
    let id = unique("described");
    cloud.backend().start_iban(&id).await;
    let events = events_until(&cloud.running, &id, CREATED).await;
    let address = events[0]["dataschema"].as_str().expect("an address");
    let schema = Answer::to(http_client().get(address)).await.expect(200);
    assert_eq!(schema.media_type(), "application/schema+json");
    let validator = jsonschema::validator_for(&schema.body).expect("a schema");
    assert!(validator.is_valid(&events[0]));
    let nowhere = address.replace("created", "invented");
    let refused = Answer::to(http_client().get(nowhere)).await.expect(404);
    assert!(refused.text().contains(CREATED), "{}", refused.text());
}
