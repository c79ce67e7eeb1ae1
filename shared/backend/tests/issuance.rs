//! The issuance table and the poll queue against embedded services that speak the real APIs.
#![cfg(test)]

use std::future::IntoFuture;
use std::time::Duration;

use axum::Router;
use bestow_aws::sdk::Sdk;
use bestow_backend::{IssuanceTable, PollQueue};
use bestow_contract::{CorrelationId, IssueError, Stage};
use bestow_embedded_aws::{create_table, dynamodb, env, listener};
use bestow_issuance::ports::{
    PollMessage, PollQueue as _, QueueMessage, Records, RecordsError, Stored, Update,
};
use bestow_issuance::{LEASE, Offer, Record, RequestHash, State};
use bestow_queue_service::QueueService;
use jiff::Timestamp;
use uuid::Uuid;

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

struct Table {
    records: IssuanceTable,
    client: bestow_aws::Dynamodb,
}

async fn table() -> Table {
    let endpoint = dynamodb(create_table("issuance")).await;
    let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)).unwrap();
    Table {
        records: IssuanceTable::new(sdk.dynamodb(), "issuance"),
        client: sdk.dynamodb(),
    }
}

fn id(name: &str) -> CorrelationId {
    name.parse().unwrap()
}

fn reservation(name: &str, hash: &str, now: Timestamp) -> Stored {
    let hash = RequestHash::from_stored(hash);
    let record = Record::reserve(id(name), "issue_iban".to_owned(), hash, now);
    Stored {
        record,
        write_id: Uuid::new_v4(),
    }
}

fn next(record: Record) -> Stored {
    Stored {
        record,
        write_id: Uuid::new_v4(),
    }
}

fn offer() -> Offer {
    Offer {
        request_uri: Some("openid-credential-offer://?x".to_owned()),
        revocation_uuid: Some(Uuid::new_v4()),
        expires_at: Some(NOW + Duration::from_secs(900)),
    }
}

#[tokio::test]
async fn a_correlation_id_is_reserved_once() {
    let Table { records, .. } = table().await;
    let mine = reservation("a", "1", NOW);
    assert_eq!(records.reserve(&mine).await.unwrap(), Update::Done);
    // The same write again: its first answer was lost.
    assert_eq!(records.reserve(&mine).await.unwrap(), Update::Done);

    let repeat = reservation("a", "1", NOW + Duration::from_millis(1));
    let other = reservation("a", "2", NOW + Duration::from_millis(1));
    for later in [repeat, other] {
        let refused = records.reserve(&later).await;
        assert_eq!(refused.unwrap(), Update::Overtaken(Box::new(mine.clone())));
    }
    assert_eq!(records.get(&id("a")).await.unwrap(), Some(mine.record));
}

#[tokio::test]
async fn a_reservation_that_nobody_follows_expires_within_a_day_and_an_issuance_does_not() {
    let Table { records, client } = table().await;
    let mine = reservation("a", "1", NOW);
    records.reserve(&mine).await.unwrap();
    let expires_in = async || -> i64 {
        let key = [("pk", "issuance#a"), ("sk", "record")].map(|(name, value)| {
            let value = aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
            (name.to_owned(), value)
        });
        let request = client.get_item().table_name("issuance");
        let answer = request.set_key(Some(key.into())).send().await.unwrap();
        let expires_at = answer.item.unwrap()["expires_at"].as_n().unwrap().clone();
        expires_at.parse::<i64>().unwrap() - NOW.as_second()
    };
    let day = 24 * 60 * 60;
    assert!((day..day + 60).contains(&expires_in().await));

    let accepted = next(mine.record.offered(&offer(), NOW).unwrap());
    records.update(mine.write_id, &accepted).await.unwrap();
    assert!(expires_in().await > 80 * day);
}

#[tokio::test]
async fn a_name_is_free_again_when_its_record_has_expired() {
    let Table { records, .. } = table().await;
    let mine = reservation("a", "1", NOW);
    records.reserve(&mine).await.unwrap();
    let offered = next(mine.record.offered(&offer(), NOW).unwrap());
    records.update(mine.write_id, &offered).await.unwrap();
    let [before, after] = [89, 91].map(|days| NOW + Duration::from_hours(days * 24));
    let other = reservation("a", "2", before);
    let refused = records.reserve(&other).await.unwrap();
    assert_eq!(refused, Update::Overtaken(Box::new(offered)));
    let other = reservation("a", "2", after);
    let reserved = records.reserve(&other).await.unwrap();
    assert_eq!(reserved, Update::Done);
    // Nothing is left of the old one.
    assert_eq!(records.get(&id("a")).await.unwrap(), Some(other.record));
}

/// The table removes what has expired days later. Nobody finds it meanwhile, nor follows a reservation that was forgotten.
#[tokio::test]
async fn a_record_that_has_expired_is_gone() {
    let Table { records, .. } = table().await;
    let [there, gone] = [23, 25].map(|hours| Timestamp::now() - Duration::from_hours(hours));
    for (name, reserved_at, is_there) in [("a", there, true), ("b", gone, false)] {
        let mine = reservation(name, "1", reserved_at);
        records.reserve(&mine).await.unwrap();
        let one = records.get(&id(name)).await.unwrap();
        let many = records.get_many(&[id(name)]).await.unwrap();
        assert_eq!(
            (one.is_some(), many.len() == 1),
            (is_there, is_there),
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_abandoned_reservation_is_taken_over_by_the_same_request_alone() {
    let Table { records, .. } = table().await;
    let abandoned = reservation("a", "1", NOW);
    records.reserve(&abandoned).await.unwrap();
    let later = NOW + LEASE;
    let other = reservation("a", "2", later);
    assert_eq!(
        records.reserve(&other).await.unwrap(),
        Update::Overtaken(Box::new(abandoned))
    );
    let same = reservation("a", "1", later);
    assert_eq!(records.reserve(&same).await.unwrap(), Update::Done);
}

#[tokio::test]
async fn a_repeat_is_told_what_became_of_the_first() {
    let Table { records, .. } = table().await;
    let mine = reservation("a", "1", NOW);
    records.reserve(&mine).await.unwrap();
    let offered = next(mine.record.offered(&offer(), NOW).unwrap());
    assert_eq!(
        records.update(mine.write_id, &offered).await.unwrap(),
        Update::Done
    );

    let repeat = reservation("a", "1", NOW + LEASE);
    let told = records.reserve(&repeat).await.unwrap();
    assert_eq!(told, Update::Overtaken(Box::new(offered)));
}

#[tokio::test]
async fn of_two_updates_of_the_same_record_one_is_told_about_the_other() {
    let Table { records, .. } = table().await;
    let mine = reservation("a", "1", NOW);
    records.reserve(&mine).await.unwrap();
    let offered = next(mine.record.offered(&offer(), NOW).unwrap());
    assert_eq!(
        records.update(mine.write_id, &offered).await.unwrap(),
        Update::Done
    );
    assert_eq!(
        records.update(mine.write_id, &offered).await.unwrap(),
        Update::Done,
        "but mine"
    );

    let error = IssueError::new("wallet_refused", "Nobody took it up.");
    let failed = offered.record.failed(Stage::Failed, error, NOW);
    let failed = next(failed.unwrap());
    assert_eq!(
        records.update(mine.write_id, &failed).await.unwrap(),
        Update::Overtaken(Box::new(offered.clone()))
    );
    assert_eq!(
        records.update(offered.write_id, &failed).await.unwrap(),
        Update::Done
    );
    assert_eq!(records.get(&id("a")).await.unwrap(), Some(failed.record));
}

#[tokio::test]
async fn an_update_leads_from_any_state_to_any_other() {
    let Table { records, .. } = table().await;
    let reserved = reservation("a", "1", NOW).record;
    let error = IssueError::new("expired", "The offer expired.");
    let states = [
        reserved.state.clone(),
        State::Offered {
            offer: offer(),
            stage: Stage::OfferRetrieved,
            wallet_status: "waiting".into(),
        },
        State::Completed {
            offer: Offer::default(),
            stage: Stage::CredentialIssued,
        },
        State::Failed {
            offer: Offer::default(),
            stage: Stage::Failed,
            error,
        },
    ];
    let in_state = |state: &State| {
        next(Record {
            state: state.clone(),
            ..reserved.clone()
        })
    };
    let mut current = next(reserved.clone());
    records.reserve(&current).await.unwrap();
    for before in &states {
        for after in &states {
            for state in [before, after] {
                let update = in_state(state);
                let updated = records.update(current.write_id, &update).await;
                assert_eq!(updated.unwrap(), Update::Done);
                current = update;
            }
            let found = records.get(&id("a")).await.unwrap();
            assert_eq!(found.as_ref(), Some(&current.record));
        }
    }
}

#[tokio::test]
async fn only_what_is_still_ours_is_removed() {
    let Table { records, .. } = table().await;
    let mine = reservation("a", "1", NOW);
    records.reserve(&mine).await.unwrap();
    let another = reservation("a", "1", NOW);
    assert_eq!(
        records.remove(&another).await.unwrap(),
        Update::Overtaken(Box::new(mine.clone()))
    );
    assert!(records.get(&id("a")).await.unwrap().is_some());
    assert_eq!(records.remove(&mine).await.unwrap(), Update::Done);
    assert_eq!(records.remove(&mine).await.unwrap(), Update::Gone);
    assert_eq!(records.get(&id("a")).await.unwrap(), None);
    let gone = next(mine.record.clone());
    assert_eq!(
        records.update(mine.write_id, &gone).await.unwrap(),
        Update::Gone
    );
}

#[tokio::test]
async fn many_records_are_read_together_and_a_malformed_one_fails_alone() {
    let Table { records, client } = table().await;
    let names: Vec<String> = (0..120).map(|number| format!("order {number}")).collect();
    for name in &names {
        records.reserve(&reservation(name, "1", NOW)).await.unwrap();
    }
    client
        .update_item()
        .table_name("issuance")
        .key(
            "pk",
            aws_sdk_dynamodb::types::AttributeValue::S("issuance#order 7".to_owned()),
        )
        .key(
            "sk",
            aws_sdk_dynamodb::types::AttributeValue::S("record".to_owned()),
        )
        .update_expression("REMOVE template_id")
        .send()
        .await
        .unwrap();

    let mut ids: Vec<CorrelationId> = names.iter().map(|name| id(name)).collect();
    ids.push(id("unknown"));
    let found = records.get_many(&ids).await.unwrap();
    assert_eq!(found.len(), 120);
    for (id, stored) in found {
        match stored {
            Ok(stored) => assert_eq!(stored.record.correlation_id, id),
            Err(RecordsError::Malformed { attribute, .. }) => {
                assert_eq!(
                    (id.as_str(), attribute.as_str()),
                    ("order 7", "template_id")
                );
            }
            Err(fault) => panic!("{fault}"),
        }
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_is_an_error_without_a_value() {
    let Table { client, .. } = table().await;
    let records = IssuanceTable::new(client, "another");
    let fault = records
        .get(&id("secret order"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        fault.contains("ResourceNotFoundException") && !fault.contains("secret"),
        "{fault}"
    );
}

/// A replica that lags would deny an issuance that was just accepted, or go back on what was seen.
#[tokio::test]
async fn a_record_is_read_as_it_is_now() {
    let (listener, endpoint) = listener().await;
    let (requests, mut received) = tokio::sync::mpsc::unbounded_channel();
    let table = Router::new().fallback(async move |body: String| {
        requests.send(body).unwrap();
        "{}"
    });
    tokio::spawn(axum::serve(listener, table).into_future());
    let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)).unwrap();
    let records = IssuanceTable::new(sdk.dynamodb(), "issuance");
    assert_eq!(records.get(&id("a")).await.unwrap(), None);
    let request: serde_json::Value = serde_json::from_str(&received.recv().await.unwrap()).unwrap();
    assert_eq!(request["ConsistentRead"], true);
}

#[tokio::test]
async fn a_send_that_nobody_waits_for_long_is_given_up() {
    let (listener, endpoint) = listener().await;
    let hanging = Router::new().fallback(async || std::future::pending::<()>().await);
    tokio::spawn(axum::serve(listener, hanging).into_future());
    let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_SQS", &endpoint)).unwrap();
    let limit = Duration::from_millis(100);
    let queue = PollQueue::new(sdk.sqs(), &format!("{endpoint}/0/polls")).with_send_timeout(limit);
    let message = PollMessage::scheduled(id("a"), 0).into();
    // One attempt of the SDK alone takes two seconds.
    let given_up =
        tokio::time::timeout(Duration::from_secs(1), queue.send(&message, Duration::ZERO)).await;
    assert!(given_up.expect("in time").is_err());
}

#[tokio::test]
async fn a_poll_message_is_delivered_when_it_is_due_and_can_be_postponed() {
    let (listener, endpoint) = listener().await;
    let queues = QueueService::in_memory().unwrap();
    queues
        .create_queue("polls", [] as [(String, String); 0])
        .unwrap();
    tokio::spawn(async move { queues.serve(listener).await });
    let client = Sdk::from_env(&env("AWS_ENDPOINT_URL_SQS", &endpoint))
        .unwrap()
        .sqs();
    let url = client
        .get_queue_url()
        .queue_name("polls")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let queue = PollQueue::new(client.clone(), &url);
    let receive = async || {
        let received = client
            .receive_message()
            .queue_url(&url)
            .send()
            .await
            .unwrap();
        received.messages.unwrap_or_default()
    };

    let message = PollMessage::scheduled(id("order 7"), 3).into();
    queue
        .send(&message, Duration::from_secs(900))
        .await
        .unwrap();
    assert_eq!(receive().await, [], "not due yet");
    queue.send(&message, Duration::ZERO).await.unwrap();
    let [received] = <[_; 1]>::try_from(receive().await).unwrap();
    let body = received.body.as_deref().unwrap();
    assert_eq!(serde_json::from_str::<QueueMessage>(body).unwrap(), message);

    let handle = received.receipt_handle.as_deref().unwrap();
    queue.postpone(handle, Duration::ZERO).await.unwrap();
    assert_eq!(receive().await.len(), 1, "visible again");
}
