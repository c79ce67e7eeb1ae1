//! What is recorded of an issuance that was completed: what the customer's wallet reports, and nothing else.

use std::time::Duration;

use bestow_contract::{IssueStatus, Stage, Status};
use bestow_issuance::ports::PollMessage;
use bestow_issuance::{DropReason, MAX_DELIVERIES, Polled};
use uuid::Uuid;

use crate::ports::Ports;
use crate::scenario::{id, poll_now, started_with_callbacks, status};
use crate::world::Mood;

/// An issuance that was completed.
async fn completed() -> Ports {
    let ports = started_with_callbacks().await;
    ports.world().customer(&id(), Stage::CredentialIssued);
    assert_eq!(
        poll_now(&ports).await,
        Polled::Ended(Status::IssueCompleted)
    );
    ports
}

#[tokio::test]
async fn a_completed_issuance_takes_on_what_becomes_of_the_credential() {
    let ports = completed().await;
    let on_the_queue = ports.world().queue.clone();
    for (sequence, stage) in (3..).zip([Stage::Declined, Stage::Accepted, Stage::Deleted]) {
        ports.world().customer(&id(), stage.clone());
        let news = Some(stage);
        let polled = poll_now(&ports).await;
        assert_eq!(polled, Polled::AskedAfterEnd { news: news.clone() });
        let view = status(&ports).await.unwrap();
        assert_eq!(
            (view.status, view.stage, view.sequence),
            (Status::IssueCompleted, news, Some(sequence))
        );
    }
    assert_eq!(ports.world().times_asked, 4);
    // Nothing comes after that, and no poll was scheduled.
    assert_eq!(poll_now(&ports).await, Polled::Dropped(DropReason::Ended));
    assert_eq!(ports.world().times_asked, 4);
    assert_eq!(ports.world().queue, on_the_queue);
}

#[tokio::test]
async fn a_completed_issuance_stays_as_it_is_whatever_else_a_wallet_says() {
    let ports = completed().await;
    ports.world().customer(&id(), Stage::Accepted);
    poll_now(&ports).await;
    let known = ports.record(&id());
    for (status, stage) in [
        (Status::IssueCompleted, Some(Stage::CredentialIssued)),
        (Status::IssueCompleted, Some(Stage::Declined)),
        (Status::IssueCompleted, Some(Stage::Accepted)),
        (Status::IssueCompleted, Some(Stage::Expired)),
        (Status::IssueCompleted, Some(Stage::from("eaten"))),
        (Status::IssueCompleted, None),
        (Status::IssueRequestCreated, Some(Stage::Deleted)),
        (Status::Error, Some(Stage::Deleted)),
        (Status::from("withdrawn"), Some(Stage::Deleted)),
    ] {
        let mut report = IssueStatus::new(status, id(), Some(Uuid::nil()));
        report.stage = stage;
        ports.world().wallet_says = Some(report);
        ports.world().now += Duration::from_mins(20);
        let nothing = Polled::AskedAfterEnd { news: None };
        assert_eq!(poll_now(&ports).await, nothing);
        assert_eq!(ports.record(&id()), known);
    }
    ports.world().wallet_says = None;
    ports.world().wallet_mood = Mood::Refusing;
    poll_now(&ports).await;
    assert_eq!(ports.record(&id()), known);
}

#[tokio::test]
async fn an_issuance_that_failed_is_not_asked_about_again() {
    let ports = started_with_callbacks().await;
    ports.world().customer(&id(), Stage::Failed);
    assert_eq!(poll_now(&ports).await, Polled::Ended(Status::Error));
    assert_eq!(poll_now(&ports).await, Polled::Dropped(DropReason::Ended));
    assert_eq!(ports.world().times_asked, 1);
}

/// What became of the credential is good to know; nobody waits for it.
#[tokio::test]
async fn a_wallet_that_fails_after_completion_is_asked_again_for_a_while_only() {
    let ports = completed().await;
    ports.world().wallet_mood = Mood::Down;
    let (known, on_the_queue) = (ports.record(&id()), ports.world().queue.clone());
    for delivery in 1..=MAX_DELIVERIES {
        let stored = ports.world().table.get(&id()).cloned();
        let message = PollMessage::poll_now(id());
        let polled = ports.polling().poll(&message, stored, delivery).await;
        match polled.unwrap() {
            Polled::Again { .. } => assert!(delivery < MAX_DELIVERIES),
            polled => assert_eq!(
                (polled, delivery),
                (Polled::AskedAfterEnd { news: None }, MAX_DELIVERIES)
            ),
        }
    }
    assert_eq!(ports.record(&id()), known);
    assert_eq!(ports.world().queue, on_the_queue);
}

#[tokio::test]
async fn two_polls_for_now_after_completion_record_the_stage_once() {
    let ports = completed().await;
    let stored = ports.world().table.get(&id()).cloned();
    ports.world().customer(&id(), Stage::Accepted);
    poll_now(&ports).await;
    // It read the record before the first poll was dealt with.
    let late = PollMessage::poll_now(id());
    let polled = ports.polling().poll(&late, stored, 1).await.unwrap();
    assert_eq!(polled, Polled::AskedAfterEnd { news: None });
    assert_eq!(status(&ports).await.unwrap().sequence, Some(3));
}
