//! What is announced of an issuance, whatever happens to it.

use bestow_contract::{CloudEvent, EventType, IssueError, IssueStatus, Stage, Status};
use bestow_issuance::{Announcement, Change, Record, RequestHash, may_go_out_together};
use bestow_issuance::{Offer, ports::MAX_EVENTS};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

const SOURCE: &str = "https://issuer.example";

/// Something that happens to an issuance.
#[derive(Debug, Clone)]
enum Happening {
    Offered { with_uuid: bool },
    Reported(Status, Option<Stage>),
    GivenUp(Stage),
    Polled(u32),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let status = prop_oneof![
        4 => Just(Status::IssueRequestCreated),
        1 => Just(Status::from("waiting")),
        1 => Just(Status::IssueCompleted),
        1 => Just(Status::Error),
    ];
    let stage = prop::sample::select(Stage::known().collect::<Vec<_>>());
    let happening = prop_oneof![
        any::<bool>().prop_map(|with_uuid| Happening::Offered { with_uuid }),
        (status, prop::option::of(stage.clone()))
            .prop_map(|(status, stage)| Happening::Reported(status, stage)),
        prop_oneof![Just(Stage::Failed), Just(Stage::Expired)].prop_map(Happening::GivenUp),
        (0u32..9).prop_map(Happening::Polled),
    ];
    prop::collection::vec(happening, 0..12)
}

fn after(record: &Record, happening: &Happening, now: Timestamp) -> Record {
    let uuid = uuid::Uuid::from_u128(9);
    let changed = match happening {
        Happening::Offered { with_uuid } => {
            let offer = Offer {
                request_uri: Some("openid-credential-offer://?secret".to_owned()),
                revocation_uuid: with_uuid.then_some(uuid),
                expires_at: None,
            };
            record.offered(&offer, now)
        }
        Happening::Reported(status, stage) => {
            let id = record.correlation_id.clone();
            let mut report = IssueStatus::new(status.clone(), id, Some(uuid));
            report.stage = stage.clone();
            record.observed(&report, now)
        }
        Happening::GivenUp(stage) => {
            let error = IssueError::new("code", "A sentence.");
            record.failed(stage.clone(), error, now)
        }
        Happening::Polled(attempt) => Some(record.clone().polled(*attempt)),
    };
    changed.unwrap_or_else(|| record.clone())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Every image that the record had, from its reservation on.
fn history(happenings: &[Happening]) -> Vec<Record> {
    let hash = RequestHash::from_stored("ab");
    let id = "89cba89".parse().unwrap();
    let mut record = Record::reserve(id, "issue_iban".to_owned(), hash, at(1_000));
    let mut images = vec![record.clone()];
    for (happening, second) in happenings.iter().zip(1_001..) {
        record = after(&record, happening, at(second));
        images.push(record.clone());
    }
    images
}

/// What the stream announces: one change for each image, if any.
fn announced(images: &[Record]) -> Vec<Change> {
    images
        .windows(2)
        .filter_map(|pair| Change::since(Some(&pair[0]), &pair[1]))
        .collect()
}

fn events(changes: &[Change]) -> Vec<CloudEvent> {
    changes.iter().map(|change| change.event(SOURCE)).collect()
}

proptest! {
    #[test]
    fn each_change_that_readers_see_is_announced_once_and_in_order(happenings in happenings()) {
        let images = history(&happenings);
        let changes = announced(&images);
        let sequences: Vec<u64> = changes.iter().map(|change| change.sequence).collect();
        let last = images.last().unwrap();
        prop_assert_eq!(sequences, (1..=last.sequence).collect::<Vec<u64>>());
        prop_assert_eq!(
            changes.last().map(|change| change.status.clone()),
            last.view()
        );

        let events = events(&changes);
        let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), events.len(), "each change has an id of its own");
        for pair in events.windows(2) {
            prop_assert!(pair[0].sequence < pair[1].sequence);
            prop_assert!(pair[0].time <= pair[1].time);
        }
        let is_end = |event: &CloudEvent| matches!(
            event.event_type,
            EventType::IssueCompleted | EventType::IssueFailed | EventType::IssueExpired
        );
        if let Some(end) = events.iter().position(is_end) {
            for (event, change) in events.iter().zip(&changes).skip(end + 1) {
                prop_assert_eq!(events[end].event_type, EventType::IssueCompleted);
                prop_assert_eq!(event.event_type, EventType::IssueProgressed);
                prop_assert_eq!(&change.status.status, &Status::IssueCompleted);
                prop_assert_ne!(&change.status.stage, &changes[end].status.stage);
            }
        }
        // A stream that delivers everything again says the same.
        prop_assert_eq!(events, self::events(&announced(&images)));
    }

    #[test]
    fn each_event_is_what_its_schema_says(happenings in happenings()) {
        for event in events(&announced(&history(&happenings))) {
            let schema: Value =
                serde_json::from_str(&bestow_contract::event_schema(event.event_type)).unwrap();
            let event = serde_json::to_value(event).unwrap();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let faults: Vec<_> = validator.iter_errors(&event).map(|fault| fault.to_string()).collect();
            prop_assert!(faults.is_empty(), "{event}: {faults:?}");
            prop_assert!(!event.to_string().contains("secret"), "{event}");
        }
    }
}

#[test]
fn an_issuance_under_a_name_that_was_used_before_has_events_of_its_own() {
    let id_of = |reserved_at| {
        let hash = RequestHash::from_stored("ab");
        let id = "again".parse().unwrap();
        let record = Record::reserve(id, "issue_iban".to_owned(), hash, reserved_at);
        let record = record.offered(&Offer::default(), reserved_at).unwrap();
        Change::since(None, &record).unwrap().id()
    };
    let [one, two] = [1, 2].map(|ms| Timestamp::from_millisecond(ms).unwrap());
    assert_eq!(id_of(one), id_of(one));
    assert_ne!(id_of(one), id_of(two));
}

#[test]
fn what_goes_out_together_is_about_different_issuances() {
    let about = |name: &str| {
        let hash = RequestHash::from_stored("ab");
        let record = Record::reserve(name.parse().unwrap(), "issue_iban".to_owned(), hash, at(1));
        let record = record.offered(&Offer::default(), at(1)).unwrap();
        Announcement::Issuance {
            change: Box::new(Change::since(None, &record).unwrap()),
            credential: None,
        }
    };
    let many: Vec<Announcement> = (0..MAX_EVENTS).map(|n| about(&n.to_string())).collect();
    let many: Vec<&Announcement> = many.iter().collect();
    assert!(may_go_out_together(&[], &about("0")));
    assert!(may_go_out_together(&many[..9], &about("9")));
    assert!(!may_go_out_together(&many[..9], &about("3")));
    assert!(
        !may_go_out_together(&many, &about("10")),
        "the bus takes ten"
    );
}
