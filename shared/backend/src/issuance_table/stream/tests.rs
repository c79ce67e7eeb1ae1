use super::*;
use bestow_contract::{CredentialStatus, EventType, IssueError, Stage, Status};
use bestow_issuance::ports::Stored;
use bestow_issuance::{CredentialChange, Offer, RequestHash, State};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

fn at_ms(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn record(sequence: u64, state: State) -> Record {
    let id = "order 7/é".parse().unwrap();
    let hash = RequestHash::from_stored("ab");
    let mut record = Record::reserve(id, "issue_iban".to_owned(), hash, at_ms(1_000));
    record.sequence = sequence;
    record.last_updated = at_ms(2_000);
    record.state = state;
    record
}

fn offered(stage: Stage) -> State {
    State::Offered {
        offer: Offer {
            request_uri: Some("openid-credential-offer://?secret".to_owned()),
            revocation_uuid: Some(Uuid::from_u128(9)),
            expires_at: Some(at_ms(1_900_000)),
        },
        stage,
        wallet_status: Status::IssueRequestCreated,
    }
}

/// The image of a record, as a stream has it.
fn image(record: &Record) -> Value {
    let item = item::write(&Stored {
        record: record.clone(),
        write_id: Uuid::from_u128(1),
    });
    serde_json::to_value(serde_dynamo::Item::from(item.unwrap())).unwrap()
}

fn announced(before: Option<&Record>, after: &Record) -> Option<Announcement> {
    announcement(before.map(image).as_ref(), Some(&image(after))).unwrap()
}

fn change_of(announcement: Option<Announcement>) -> (Change, Option<IssuedCredential>) {
    match announcement {
        Some(Announcement::Issuance { change, credential }) => (*change, credential),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_takes_the_place_of_an_expired_record_is_announced_as_new() {
    let old = record(2, offered(Stage::TokenIssued));
    let reserved = |sequence, state| Record {
        reserved_at: at_ms(9_000),
        ..record(sequence, state)
    };
    let lease_until = at_ms(31_000);
    let new = reserved(0, State::Reserved { lease_until });
    assert_eq!(announced(Some(&old), &new), None);
    let started = reserved(1, offered(Stage::OfferCreated));
    let (change, credential) = change_of(announced(Some(&new), &started));
    assert_eq!(change.event_type(), EventType::IssueCreated);
    assert_eq!(change.reserved_at, at_ms(9_000));
    assert!(credential.is_some());
    let (before, _) = change_of(announced(None, &record(1, offered(Stage::OfferCreated))));
    assert_ne!(change.id(), before.id());
}

#[test]
fn each_state_is_announced_by_its_own_type() {
    let reserved = record(
        0,
        State::Reserved {
            lease_until: at_ms(31_000),
        },
    );
    let failed = |stage| State::Failed {
        offer: Offer::default(),
        stage,
        error: IssueError::new("code", "A sentence."),
    };
    let completed = State::Completed {
        offer: Offer::default(),
        stage: Stage::CredentialIssued,
    };
    for (sequence, state, event_type) in [
        (1, offered(Stage::OfferCreated), EventType::IssueCreated),
        (2, offered(Stage::TokenIssued), EventType::IssueProgressed),
        (2, completed.clone(), EventType::IssueCompleted),
        // Its offer was never recorded: the wallet's answer was lost.
        (1, completed, EventType::IssueCompleted),
        (2, failed(Stage::Failed), EventType::IssueFailed),
        (2, failed(Stage::Declined), EventType::IssueFailed),
        (2, failed(Stage::Expired), EventType::IssueExpired),
    ] {
        let (change, _) = change_of(announced(Some(&reserved), &record(sequence, state)));
        assert_eq!(
            (change.event_type(), change.sequence),
            (event_type, sequence)
        );
    }
}

#[test]
fn an_issuance_completes_once_and_what_becomes_of_the_credential_is_progress() {
    let completed = |stage| State::Completed {
        offer: Offer::default(),
        stage,
    };
    let issued = record(2, completed(Stage::CredentialIssued));
    let accepted = record(3, completed(Stage::Accepted));
    let (change, _) = change_of(announced(Some(&issued), &accepted));
    assert_eq!(
        (change.event_type(), change.status.stage, change.sequence),
        (EventType::IssueProgressed, Some(Stage::Accepted), 3)
    );
    // The wallet was asked only after it had heard of that.
    let offered = record(1, offered(Stage::OfferCreated));
    let (change, _) = change_of(announced(Some(&offered), &accepted));
    assert_eq!(change.event_type(), EventType::IssueCompleted);
}

#[test]
fn what_readers_do_not_see_is_not_announced() {
    let reserved = record(
        0,
        State::Reserved {
            lease_until: at_ms(31_000),
        },
    );
    assert_eq!(announced(None, &reserved), None);
    let known = record(1, offered(Stage::OfferCreated));
    assert_eq!(announced(Some(&known), &known.clone().polled(4)), None);
    assert_eq!(announcement(Some(&image(&known)), None).unwrap(), None);
    let stranger = json!({"pk": {"S": "something"}, "sk": {"S": "else"}});
    assert_eq!(announcement(None, Some(&stranger)).unwrap(), None);
}

#[test]
fn an_event_has_no_link_to_the_credential_in_it() {
    let (change, _) = change_of(announced(None, &record(1, offered(Stage::OfferCreated))));
    let event = serde_json::to_string(&change.event("https://issuer.example")).unwrap();
    assert!(
        !event.contains("secret") && !event.contains("request_uri"),
        "{event}"
    );
}

#[test]
fn a_credential_is_remembered_when_the_wallet_names_it_and_not_again() {
    let named = record(1, offered(Stage::OfferCreated));
    let (_, credential) = change_of(announced(None, &named));
    assert_eq!(
        credential,
        Some(IssuedCredential {
            revocation_uuid: Uuid::from_u128(9),
            correlation_id: named.correlation_id.clone(),
            template_id: "issue_iban".to_owned(),
        })
    );
    let later = record(2, offered(Stage::TokenIssued));
    assert_eq!(change_of(announced(Some(&named), &later)).1, None);
}

#[test]
fn an_image_that_cannot_be_understood_is_told_by_the_attribute_at_fault() {
    let whole = image(&record(1, offered(Stage::OfferCreated)));
    for (name, value) in [
        ("sequence", json!({"S": "1"})),
        ("sequence", json!({"N": "one"})),
        ("state", json!({"S": "gone"})),
        ("stage", json!("no type")),
        ("correlation_id", json!({"S": ""})),
    ] {
        let mut image = whole.clone();
        image[name] = value;
        let fault = announcement(None, Some(&image)).unwrap_err().to_string();
        assert!(fault.contains(&format!("attribute {name} ")), "{fault}");
    }
    announcement(None, Some(&json!("no image"))).unwrap_err();
}

#[test]
fn values_of_every_type_are_read() {
    let mut image = image(&record(1, offered(Stage::OfferCreated)));
    for (name, value) in [
        (
            "m",
            json!({"M": {"url": {"S": "x"}, "l": {"L": [{"N": "1"}, {"NULL": true}]}}}),
        ),
        ("b", json!({"B": "AAEC"})),
        ("flag", json!({"BOOL": false})),
        ("sets", json!({"SS": ["a"]})),
        ("numbers", json!({"NS": ["1"]})),
        ("blobs", json!({"BS": ["AAEC"]})),
    ] {
        image[name] = value;
    }
    assert!(announcement(None, Some(&image)).unwrap().is_some());
}

fn credential(sequence: Option<u64>, status: &str, correlation_id: Option<&str>) -> Value {
    let mut image = json!({
        "pk": {"S": "credential#0e2c1f62-3392-462e-a25e-483fa0e2a3a3"},
        "sk": {"S": "status"},
    });
    if let Some(sequence) = sequence {
        image["status"] = json!({"S": status});
        image["status_sequence"] = json!({"N": sequence.to_string()});
        image["status_recorded_ms"] = json!({"N": "5000"});
    }
    if let Some(id) = correlation_id {
        image["correlation_id"] = json!({"S": id});
        image["template_id"] = json!({"S": "issue_iban"});
    }
    image
}

fn credential_change(before: Option<Value>, after: Value) -> Option<CredentialChange> {
    match announcement(before.as_ref(), Some(&after)).unwrap() {
        Some(Announcement::Credential(change)) => Some(change),
        None => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_status_is_announced_once_it_and_its_issuance_are_known() {
    let mapped = credential(None, "", Some("89cba89"));
    let both = credential(Some(1), "revoked", Some("89cba89"));
    let status_alone = credential(Some(1), "revoked", None);
    assert_eq!(credential_change(None, mapped.clone()), None);
    assert_eq!(credential_change(None, status_alone.clone()), None);
    for before in [Some(mapped), Some(status_alone), None] {
        let change = credential_change(before, both.clone()).expect("it is announced");
        assert_eq!(
            (change.status, change.sequence, change.recorded_at),
            (CredentialStatus::Revoked, 1, at_ms(5_000))
        );
        assert_eq!(change.event_type(), EventType::CredentialRevoked);
    }
    assert_eq!(credential_change(Some(both.clone()), both), None);
}

#[test]
fn each_change_of_a_status_has_a_name_of_its_own_that_stays() {
    let at = |sequence, status| {
        let after = credential(Some(sequence), status, Some("89cba89"));
        credential_change(None, after).unwrap()
    };
    assert_eq!(at(1, "suspended").id(), at(1, "suspended").id());
    assert_ne!(at(1, "suspended").id(), at(3, "suspended").id());
}
