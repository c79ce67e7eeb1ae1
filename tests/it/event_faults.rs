//! What is announced arrives although the event bus fails, a record cannot be understood, or all stops for a while.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bestow_local::{EventQuery, FunctionHost, LocalCloud, Options, RunningCloud};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{Backend, PATIENCE, http_client, unique};
use crate::cloud::Cloud;
use crate::events::{COMPLETED, CREATED, events_until, sequences};
use crate::eventually::eventually;
use crate::function_host::{Functions, NOBODY, free_port, serve};
use crate::tables;
use crate::wallet_client::WalletClient;

/// How the event bus answers for a while.
#[derive(Clone, Copy)]
enum Fault {
    Status(u16, &'static str),
    /// Takes the first entry of each call and no other.
    AllButOne(&'static str),
}

#[derive(Clone)]
struct FaultyBus {
    behind: Arc<Mutex<String>>,
    faults: Arc<Mutex<Vec<Fault>>>,
    http: reqwest::Client,
}

impl FaultyBus {
    /// All functions, with an event bus that answers with these faults first.
    async fn start(faults: Vec<Fault>) -> (Self, Functions) {
        let bus = Self {
            behind: Arc::default(),
            faults: Arc::new(Mutex::new(faults)),
            http: http_client(),
        };
        let routes = Router::new()
            .route("/", post(pass_on))
            .with_state(bus.clone());
        let address = serve(routes, free_port().await);
        let behind = bus.behind.clone();
        let functions = Functions::start(move |binary, variables| {
            if binary == "publish-changes" {
                let name = "AWS_ENDPOINT_URL_EVENTBRIDGE".to_owned();
                let own = variables.insert(name, address.clone());
                *behind.lock().unwrap() = own.expect("it is set");
            }
        })
        .await;
        (bus, functions)
    }
}

async fn pass_on(State(bus): State<FaultyBus>, body: Bytes) -> Response {
    let mut body: Value = serde_json::from_slice(&body).expect("JSON");
    let fault = {
        let mut faults = bus.faults.lock().unwrap();
        (!faults.is_empty()).then(|| faults.remove(0))
    };
    if let Some(Fault::Status(status, kind)) = fault {
        let status = StatusCode::from_u16(status).unwrap();
        return (
            status,
            json!({"__type": kind, "message": "for now"}).to_string(),
        )
            .into_response();
    }
    let entries = body["Entries"].as_array_mut().expect("entries");
    let count = entries.len();
    if fault.is_some() {
        entries.truncate(1);
    }
    let behind = bus.behind.lock().unwrap().clone();
    let request = bus
        .http
        .post(behind)
        .header("x-amz-target", "AWSEvents.PutEvents")
        .body(body.to_string());
    let mut answer = Answer::to(request).await.expect(200).body;
    if let Some(Fault::AllButOne(code)) = fault {
        let results = answer["Entries"].as_array_mut().expect("entries");
        results.resize(count, json!({"ErrorCode": code, "ErrorMessage": "for now"}));
        answer["FailedEntryCount"] = json!(count - 1);
    }
    answer.to_string().into_response()
}

/// Starts and completes some issuances at once, and gives their ids.
async fn complete_some(backend: &Backend) -> Vec<String> {
    let issue = async |_| {
        let id = unique("through-faults");
        let started = backend.start_iban(&id).await;
        WalletClient::new().take(started.str("request_uri")).await;
        backend.until_status(&id, "issue_completed").await;
        id
    };
    futures::future::join_all((0..6).map(issue)).await
}

#[tokio::test]
async fn a_failing_bus_loses_nothing_and_keeps_the_order() {
    let mut faults = Vec::new();
    for _ in 0..4 {
        faults.push(Fault::Status(500, "InternalFailure"));
        faults.push(Fault::Status(400, "ThrottlingException"));
        faults.push(Fault::AllButOne("ThrottlingException"));
        faults.push(Fault::AllButOne("InternalFailure"));
    }
    let (_bus, functions) = FaultyBus::start(faults).await;
    for id in complete_some(&functions.backend).await {
        let events = events_until(&functions.running, &id, COMPLETED).await;
        let mut seen = 0;
        for sequence in sequences(&events) {
            assert!(sequence <= seen + 1, "{id}: {sequence} came after {seen}");
            seen = seen.max(sequence);
        }
        for event in &events {
            let same = events.iter().filter(|one| one["id"] == event["id"]);
            let sequence = &event["sequence"];
            assert!(same.clone().all(|one| one["sequence"] == *sequence));
            assert!(same.clone().all(|one| one["type"] == event["type"]));
        }
    }
    assert_eq!(dead_letters(&functions.running).await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_event_that_the_bus_refuses_goes_to_the_dead_letters_and_the_others_go_on() {
    let refusal = Fault::Status(400, "ValidationException");
    let (_bus, functions) = FaultyBus::start(vec![refusal]).await;
    let (refused, next) = (unique("refused"), unique("next"));
    functions.backend.start_iban(&refused).await;
    let aside = eventually("it goes to the dead letters", PATIENCE, async || {
        let aside = dead_letters(&functions.running).await;
        (!aside.is_empty()).then_some(aside)
    })
    .await;
    assert_eq!(aside[0]["keys"]["pk"]["S"], format!("issuance#{refused}"));
    functions.backend.start_iban(&next).await;
    events_until(&functions.running, &next, CREATED).await;
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_goes_to_the_dead_letters_and_the_others_go_on() {
    let cloud = Cloud::start_ephemeral().await;
    let (poisoned, next) = (unique("poisoned"), unique("next"));
    let item = json!({
        "pk": {"S": format!("issuance#{poisoned}")},
        "sk": {"S": "record"},
        "state": {"S": "NL12TUL25708789078"},
    });
    put_item(&cloud.running, &item).await;
    cloud.backend().start_iban(&next).await;
    events_until(&cloud.running, &next, CREATED).await;
    let aside = eventually("it goes to the dead letters", PATIENCE, async || {
        let aside = dead_letters(&cloud.running).await;
        (!aside.is_empty()).then_some(aside)
    })
    .await;
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(aside[0]["DDBStreamBatchInfo"]["batchSize"], 1);
    assert_eq!(aside[0]["keys"]["pk"]["S"], format!("issuance#{poisoned}"));
    assert!(!aside[0].to_string().contains("NL12TUL"), "{}", aside[0]);
}

#[tokio::test]
async fn a_change_that_was_not_announced_before_a_restart_is_announced_after_it_and_once() {
    let directory = tempfile::tempdir().unwrap();
    let without_functions = LocalCloud::start(Options {
        data_dir: Some(directory.path().to_owned()),
        functions: FunctionHost::InvokeApi {
            endpoint: NOBODY.to_owned(),
        },
        ..Options::default()
    })
    .await
    .unwrap_or_else(|fault| panic!("{fault}"));
    let id = unique("over-a-restart");
    put_item(&without_functions, &completed(&id)).await;
    without_functions.shutdown().await;

    let second = Cloud::start_in(directory.path(), 0).await;
    let events = events_until(&second.running, &id, COMPLETED).await;
    assert_eq!(sequences(&events), [3]);
    second.running.shutdown().await;

    let third = Cloud::start_in(directory.path(), 0).await;
    let next = unique("after-it");
    third.backend().start_iban(&next).await;
    events_until(&third.running, &next, CREATED).await;
    let all = third.running.published(&EventQuery::default());
    let again = all.iter().any(|one| one.event["subject"] == id.as_str());
    assert!(!again, "what was announced is not announced at each start");
}

/// The record of an issuance that has completed, as it stands in the table.
fn completed(correlation_id: &str) -> Value {
    let (text, number) = (
        |text: &str| json!({"S": text}),
        |digits: &str| json!({"N": digits}),
    );
    json!({
        "pk": text(&format!("issuance#{correlation_id}")),
        "sk": text("record"),
        "correlation_id": text(correlation_id),
        "template_id": text("issue_iban"),
        "request_hash": text("00"),
        "write_id": text("0e2c1f62-3392-462e-a25e-483fa0e2a3a3"),
        "state": text("completed"),
        "stage": text("credential_issued"),
        "reserved_at_ms": number("1795457600000"),
        "quiet_until_ms": number("1795457700000"),
        "last_updated_ms": number("1795457700000"),
        "attempt": number("3"),
        "sequence": number("3"),
    })
}

/// Puts a record that was reserved before, as every record was: a new item is no news.
async fn put_item(cloud: &RunningCloud, item: &Value) {
    let reserved = json!({"pk": item["pk"], "sk": item["sk"]});
    for item in [&reserved, item] {
        let put = json!({"TableName": cloud.issuance_table(), "Item": item});
        tables::of(cloud).call("PutItem", &put).await;
    }
}

/// What lies on the queue of changes that were not announced.
async fn dead_letters(cloud: &RunningCloud) -> Vec<Value> {
    let queue = cloud
        .queue_url("PublishDeadLetterQueue")
        .expect("the queue");
    let request = http_client()
        .post(cloud.sqs_endpoint())
        .timeout(Duration::from_secs(30))
        .header("x-amz-target", "AmazonSQS.ReceiveMessage")
        .header("content-type", "application/x-amz-json-1.0")
        .body(
            json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0})
                .to_string(),
        );
    let answer = Answer::to(request).await.expect(200).body;
    let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
    messages
        .iter()
        .map(|message| {
            let body = message["Body"].as_str().expect("a body");
            serde_json::from_str(body).expect("JSON")
        })
        .collect()
}
