use super::*;
use crate::{IssueError, Stage, Status};
use serde_json::Value;
use std::collections::BTreeSet;

const SOURCE: &str = "https://issuer.example";

fn example(event_type: EventType) -> CloudEvent {
    let id: CorrelationId = "89cba89".parse().unwrap();
    let uuid = Uuid::from_u128(7);
    let issuance = |status: Status, stage: Stage, error: Option<IssueError>| {
        let mut view = IssueStatus::new(status, id.clone(), Some(uuid));
        view.stage = Some(stage);
        view.template_id = Some("issue_iban".to_owned());
        view.last_updated = Some(1_795_457_700_123);
        view.sequence = Some(3);
        view.error = error;
        EventData::Issuance(view)
    };
    let credential = |status| {
        EventData::Credential(CredentialEventData {
            correlation_id: id.clone(),
            template_id: "issue_iban".to_owned(),
            revocation_uuid: uuid,
            status,
            sequence: 3,
            last_updated: 1_795_457_700_123,
        })
    };
    let error = Some(IssueError::new("expired", "The offer expired."));
    let data = match event_type {
        EventType::IssueCreated => issuance(Status::IssueRequestCreated, Stage::OfferCreated, None),
        EventType::IssueProgressed => {
            issuance(Status::IssueRequestCreated, Stage::TokenIssued, None)
        }
        EventType::IssueCompleted => {
            issuance(Status::IssueCompleted, Stage::CredentialIssued, None)
        }
        EventType::IssueFailed => issuance(Status::Error, Stage::Failed, error),
        EventType::IssueExpired => issuance(Status::Error, Stage::Expired, error),
        EventType::CredentialRevoked => credential(CredentialStatus::Revoked),
        EventType::CredentialSuspended => credential(CredentialStatus::Suspended),
        EventType::CredentialReinstated => credential(CredentialStatus::Valid),
    };
    CloudEvent::new(
        SOURCE,
        event_type,
        Uuid::from_u128(1),
        id,
        3,
        1_795_457_700_123,
        data,
    )
}

fn schema(event_type: EventType) -> Value {
    serde_json::from_str(&event_schema(event_type)).unwrap()
}

fn members(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn every_event_validates_against_the_schema_of_its_type_and_no_other() {
    for &event_type in EventType::ALL {
        let event = serde_json::to_value(example(event_type)).unwrap();
        for &other in EventType::ALL {
            let validator = jsonschema::validator_for(&schema(other)).unwrap();
            assert_eq!(
                validator.is_valid(&event),
                other == event_type,
                "{event_type} against the schema of {other}: {event}"
            );
        }
    }
}

#[test]
fn progress_after_the_completion_tells_what_became_of_the_credential() {
    let validator = jsonschema::validator_for(&schema(EventType::IssueProgressed)).unwrap();
    let mut event = serde_json::to_value(example(EventType::IssueProgressed)).unwrap();
    for stage in Stage::known() {
        for status in [
            Status::IssueRequestCreated,
            Status::IssueCompleted,
            Status::Error,
        ] {
            event["data"]["status"] = status.as_str().into();
            event["data"]["stage"] = stage.as_ref().into();
            let fits = match stage {
                Stage::Accepted | Stage::Declined | Stage::Deleted => {
                    status == Status::IssueCompleted
                }
                Stage::Failed | Stage::Expired => false,
                _ => status == Status::IssueRequestCreated,
            };
            assert_eq!(validator.is_valid(&event), fits, "{event}");
        }
    }
}

#[test]
fn the_schemas_describe_every_member_and_no_other() {
    let document: Value = serde_json::from_str(&crate::openapi(SOURCE)).unwrap();
    let issuance = &document["components"]["schemas"]["IssueStatus"]["properties"];
    for &event_type in EventType::ALL {
        let event = serde_json::to_value(example(event_type)).unwrap();
        let definitions = &schema(event_type)["$defs"];
        let described = |name: &str| members(&definitions[name]["properties"]);
        assert_eq!(described("event"), members(&event));
        match event_type.as_str().split('.').nth(2) {
            Some("credential") => assert_eq!(described("credential"), members(&event["data"])),
            _ => assert_eq!(
                described("issue"),
                members(issuance),
                "left: `issue` in events.schema.json; right: IssueStatus in openapi.json. An event tells \
                 what Get issue status answers"
            ),
        }
    }
}

#[test]
fn an_event_is_a_cloud_event() {
    let event = serde_json::to_value(example(EventType::IssueCompleted)).unwrap();
    assert_eq!(
        event,
        serde_json::json!({
            "specversion": "1.0",
            "id": "00000000-0000-0000-0000-000000000001",
            "source": SOURCE,
            "type": "com.bestow.issue.completed.v1",
            "subject": "89cba89",
            "time": "2026-11-23T18:15:00.123Z",
            "datacontenttype": "application/json",
            "dataschema": "https://issuer.example/events/com.bestow.issue.completed.v1.schema.json",
            "sequence": "00000000000000000003",
            "data": {
                "status": "issue_completed",
                "correlation_id": "89cba89",
                "revocation_uuid": "00000000-0000-0000-0000-000000000007",
                "stage": "credential_issued",
                "template_id": "issue_iban",
                "last_updated": 1_795_457_700_123_i64,
                "sequence": 3,
            },
        })
    );
}

#[test]
fn sequences_order_as_texts_do() {
    let at = |sequence| {
        let event = example(EventType::IssueCreated);
        let data = event.data;
        CloudEvent::new(
            SOURCE,
            event.event_type,
            event.id,
            event.subject,
            sequence,
            0,
            data,
        )
        .sequence
    };
    let mut last = String::new();
    for sequence in [1, 2, 9, 10, 11, 99, 100, u64::from(u32::MAX), u64::MAX] {
        let text = at(sequence);
        assert!(text > last, "{text}");
        last = text;
    }
}

#[test]
fn a_schema_is_found_by_its_name() {
    for &event_type in EventType::ALL {
        let url = paths::event_schema_url(SOURCE, event_type);
        let name = url.rsplit('/').next().unwrap();
        assert_eq!(paths::event_type_of_schema(name), Some(event_type));
    }
    for name in ["", ".schema.json", "com.bestow.issue.created.v1"] {
        assert_eq!(paths::event_type_of_schema(name), None, "{name}");
    }
}
