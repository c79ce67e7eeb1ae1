//! What is noted about credentials, and the event bus, against embedded services that speak the real APIs.
#![cfg(test)]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use bestow_aws::sdk::Sdk;
use bestow_backend::{EventBus, IssuanceTable};
use bestow_contract::{CloudEvent, CredentialStatus, EventData, EventType, IssueStatus, Status};
use bestow_embedded_aws::{create_table, dynamodb, env, listener};
use bestow_issuance::IssuedCredential;
use bestow_issuance::ports::{CredentialStatuses, EventBus as _, EventBusError, Noted};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

const UUID: Uuid = Uuid::from_u128(7);

struct Table {
    credentials: IssuanceTable,
    client: bestow_aws::Dynamodb,
}

impl Table {
    async fn start() -> Self {
        let endpoint = dynamodb(create_table("issuance")).await;
        let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)).unwrap();
        Self {
            credentials: IssuanceTable::new(sdk.dynamodb(), "issuance"),
            client: sdk.dynamodb(),
        }
    }

    async fn note(&self, status: CredentialStatus, now_ms: i64) -> Noted {
        let now = Timestamp::from_millisecond(now_ms).unwrap();
        self.credentials.note(UUID, status, now).await.unwrap()
    }

    async fn remember(&self, correlation_id: &str) {
        let credential = IssuedCredential {
            revocation_uuid: UUID,
            correlation_id: correlation_id.parse().unwrap(),
            template_id: "issue_iban".to_owned(),
        };
        self.credentials.remember(&credential).await.unwrap();
    }

    /// The values of the item, in the order of their names.
    async fn item(&self) -> Vec<(String, String)> {
        let items = self
            .client
            .scan()
            .table_name("issuance")
            .send()
            .await
            .unwrap();
        let item = items.items().first().cloned().unwrap_or_default();
        let text = |value: &aws_sdk_dynamodb::types::AttributeValue| {
            value.as_s().or(value.as_n()).unwrap().clone()
        };
        let mut values: Vec<_> = item
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        values.sort();
        values
    }
}

#[tokio::test]
async fn a_status_is_a_change_if_it_is_another_and_none_comes_after_revoked() {
    use CredentialStatus::{Revoked, Suspended, Valid};
    let table = Table::start().await;
    for (status, noted) in [
        (Valid, Noted::Known),
        (Suspended, Noted::Changed),
        (Suspended, Noted::Known),
        (Valid, Noted::Changed),
        (Valid, Noted::Known),
        (Revoked, Noted::Changed),
        (Revoked, Noted::Known),
        // What was heard before the revocation, and is noted after it.
        (Suspended, Noted::Known),
        (Valid, Noted::Known),
    ] {
        assert_eq!(table.note(status, 5).await, noted, "{status}");
    }
    let item = table.item().await;
    assert!(
        item.contains(&("status_sequence".to_owned(), "3".to_owned())),
        "{item:?}"
    );
}

#[tokio::test]
async fn where_a_credential_came_from_and_its_status_do_not_disturb_each_other() {
    for status_first in [true, false] {
        let table = Table::start().await;
        if status_first {
            table.note(CredentialStatus::Revoked, 5).await;
        }
        table.remember("89cba89").await;
        // Whoever comes later with another name is wrong.
        table.remember("another").await;
        if !status_first {
            table.note(CredentialStatus::Revoked, 5).await;
        }
        let expected = [
            ("correlation_id", "89cba89"),
            ("pk", "credential#00000000-0000-0000-0000-000000000007"),
            ("sk", "status"),
            ("status", "revoked"),
            ("status_recorded_ms", "5"),
            ("status_sequence", "1"),
            ("template_id", "issue_iban"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(table.item().await, expected);
    }
}

/// An event bus that answers as it is told, and what it was asked.
#[derive(Clone, Default)]
struct Bus {
    answers: Arc<Mutex<Vec<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Bus {
    /// The adapter on a bus that gives these answers, the last one again and again.
    async fn start(answers: Vec<(u16, Value)>) -> (Self, EventBus) {
        let bus = Self::default();
        *bus.answers.lock().unwrap() = answers;
        let (listener, endpoint) = listener().await;
        let routes = Router::new()
            .route("/", post(answer))
            .with_state(bus.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_EVENTBRIDGE", &endpoint)).unwrap();
        (bus, EventBus::new(&sdk, "bus"))
    }
}

async fn answer(State(bus): State<Bus>, body: String) -> (StatusCode, String) {
    bus.asked
        .lock()
        .unwrap()
        .push(serde_json::from_str(&body).unwrap());
    let mut answers = bus.answers.lock().unwrap();
    let (status, body) = match answers.len() {
        1 => answers[0].clone(),
        _ => answers.remove(0),
    };
    (StatusCode::from_u16(status).unwrap(), body.to_string())
}

fn event(name: &str) -> CloudEvent {
    let id: bestow_contract::CorrelationId = name.parse().unwrap();
    let view = IssueStatus::new(Status::IssueCompleted, id.clone(), None);
    CloudEvent::new(
        "https://issuer.example",
        EventType::IssueCompleted,
        UUID,
        id,
        3,
        1_795_457_700_123,
        EventData::Issuance(view),
    )
}

fn outcomes(put: &[Result<(), EventBusError>]) -> Vec<String> {
    put.iter()
        .map(|put| match put {
            Ok(()) => "done".to_owned(),
            Err(EventBusError::Refused(reason)) => format!("refused {reason}"),
            Err(EventBusError::Failed(fault)) => format!("failed: {fault}"),
        })
        .collect()
}

#[tokio::test]
async fn an_event_is_put_as_the_detail_of_an_entry() {
    let done = json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]});
    let (bus, adapter) = Bus::start(vec![(200, done)]).await;
    let put = adapter.put(&[event("a")]).await;
    assert_eq!(outcomes(&put), ["done"]);
    let asked = bus.asked.lock().unwrap();
    let entry = &asked[0]["Entries"][0];
    assert_eq!(entry["EventBusName"], "bus");
    assert_eq!(entry["Source"], "com.bestow");
    assert_eq!(entry["DetailType"], "com.bestow.issue.completed.v1");
    assert_eq!(entry["Time"], 1_795_457_700.123);
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail, serde_json::to_value(event("a")).unwrap());
}

#[tokio::test]
async fn each_entry_has_its_own_outcome() {
    let answer = json!({"FailedEntryCount": 3, "Entries": [
        {"EventId": "1"},
        {"ErrorCode": "ThrottlingException", "ErrorMessage": "later"},
        {"ErrorCode": "MalformedDetail", "ErrorMessage": "never"},
    ]});
    let (_, adapter) = Bus::start(vec![(200, answer)]).await;
    let put = adapter.put(&["a", "b", "c", "d"].map(event)).await;
    let outcomes = outcomes(&put);
    assert_eq!(outcomes[0], "done");
    assert!(outcomes[1].starts_with("failed") && outcomes[1].contains("ThrottlingException"));
    assert_eq!(outcomes[2], "refused MalformedDetail");
    assert!(
        outcomes[3].starts_with("failed"),
        "it is not told of: {outcomes:?}"
    );
}

#[tokio::test]
async fn a_bus_that_fails_may_have_taken_nothing() {
    for (status, kind) in [(500, "InternalFailure"), (400, "AccessDeniedException")] {
        let (_, adapter) = Bus::start(vec![(status, json!({"__type": kind}))]).await;
        let put = adapter.put(&["a", "b"].map(event)).await;
        for outcome in outcomes(&put) {
            assert!(outcome.starts_with("failed"), "{outcome}");
        }
    }
}

#[tokio::test]
async fn of_entries_that_are_refused_together_only_the_one_at_fault_is() {
    let refusal = (400, json!({"__type": "ValidationException"}));
    let done = (
        200,
        json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
    );
    let answers = vec![refusal.clone(), done.clone(), refusal, done];
    let (bus, adapter) = Bus::start(answers).await;
    let put = adapter.put(&["a", "b", "c"].map(event)).await;
    assert_eq!(
        outcomes(&put),
        ["done", "refused ValidationException", "done"]
    );
    assert_eq!(bus.asked.lock().unwrap().len(), 4);
}
