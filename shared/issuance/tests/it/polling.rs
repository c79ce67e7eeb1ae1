//! How an issuance is followed to its end.

use std::time::Duration;

use bestow_contract::{IssueError, IssueStatus, Stage, Status};
use bestow_issuance::ports::PollMessage;
use bestow_issuance::{
    DEFAULT_OFFER_LIFE, DropReason, GRACE, MAX_DELIVERIES, OUTAGE_PATIENCE, Polled, State,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::ports::Ports;
use crate::scenario::{id, poll, poll_now, request, started, started_with_callbacks, status};
use crate::world::{CARELESS, Mood, OFFER_LIFE};

#[tokio::test]
async fn an_offer_whose_answer_was_lost_is_followed() {
    let ports = Ports::default();
    ports.world().wallet_mood = Mood::AnswerLost;
    ports.starting().start_issue(request("")).await.unwrap_err();
    ports.world().wallet_mood = Mood::Well;
    ports.world().customer(&id(), Stage::CredentialIssued);
    assert_eq!(
        poll(&ports, 0, 1).await,
        Polled::Ended(Status::IssueCompleted)
    );
    let view = status(&ports).await.unwrap();
    assert_eq!(
        (view.status, view.sequence),
        (Status::IssueCompleted, Some(1))
    );
}

#[tokio::test]
async fn a_pending_issuance_is_asked_about_again_and_a_stale_message_is_dropped() {
    let ports = started().await;
    let pending = Polled::Pending {
        next_poll_in: Some(Duration::from_secs(10)),
        wallet_failure: None,
    };
    assert_eq!(poll(&ports, 0, 1).await, pending);
    assert_eq!(
        ports.world().last_poll(),
        Some((1, Duration::from_secs(10)))
    );
    assert_eq!(poll(&ports, 0, 1).await, Polled::Dropped(DropReason::Stale));
    assert_eq!(ports.world().times_asked, 1);
}

#[tokio::test]
async fn each_stage_is_one_change_and_the_end_is_final() {
    let ports = started().await;
    let stages = [
        Stage::OfferRetrieved,
        Stage::OfferRetrieved,
        Stage::TokenIssued,
        Stage::CredentialIssued,
    ];
    let mut sequences = Vec::new();
    for (attempt, stage) in (0..).zip(stages) {
        ports.world().customer(&id(), stage);
        poll(&ports, attempt, 1).await;
        sequences.push(ports.record(&id()).unwrap().sequence);
    }
    assert_eq!(sequences, [2, 2, 3, 4]);
    assert_eq!(poll(&ports, 9, 1).await, Polled::Dropped(DropReason::Ended));
}

#[tokio::test]
async fn a_wallet_that_goes_back_is_not_believed() {
    let ports = started().await;
    ports.world().customer(&id(), Stage::TokenIssued);
    poll(&ports, 0, 1).await;
    let mut backwards = IssueStatus::new(Status::IssueRequestCreated, id(), Some(Uuid::nil()));
    backwards.stage = Some(Stage::OfferRetrieved);
    ports.world().wallet_says = Some(backwards);
    poll(&ports, 1, 1).await;
    let view = status(&ports).await.unwrap();
    assert_eq!(view.stage, Some(Stage::TokenIssued));
    assert_eq!(view.revocation_uuid, Some(Uuid::from_u128(1)));
    assert_eq!(view.sequence, Some(2));
}

#[tokio::test]
async fn an_unknown_status_is_pending_and_kept_as_sent() {
    let ports = started().await;
    let report = IssueStatus::new(Status::from("waiting_for_approval"), id(), None);
    ports.world().wallet_says = Some(report);
    assert!(matches!(poll(&ports, 0, 1).await, Polled::Pending { .. }));
    assert_eq!(
        status(&ports).await.unwrap().status,
        Status::IssueRequestCreated
    );
    assert!(format!("{:?}", ports.record(&id())).contains("waiting_for_approval"));
}

#[tokio::test]
async fn an_offer_that_nobody_takes_expires() {
    let ports = started().await;
    says_pending(&ports);
    let polls = polls_until_the_end(&ports).await;
    let end = Timestamp::UNIX_EPOCH + OFFER_LIFE + GRACE;
    assert_eq!(ports.world().now, end);
    let view = status(&ports).await.unwrap();
    assert_eq!((view.stage, view.sequence), (Some(Stage::Expired), Some(2)));
    assert_eq!(view.error.unwrap().code, "expired");
    assert!(polls <= 14, "{polls}");
}

#[tokio::test]
async fn a_failing_wallet_costs_retries_and_then_a_new_message() {
    let ports = started().await;
    ports.world().wallet_mood = Mood::Down;
    for delivery in 1..MAX_DELIVERIES {
        let outcome = poll(&ports, 0, delivery).await;
        assert!(matches!(outcome, Polled::Again { .. }), "{outcome:?}");
    }
    assert_eq!(ports.world().queue.len(), 1);
    let outcome = poll(&ports, 0, MAX_DELIVERIES).await;
    assert!(
        matches!(
            outcome,
            Polled::Pending {
                wallet_failure: Some(_),
                ..
            }
        ),
        "{outcome:?}"
    );
    let (attempt, _) = ports.world().last_poll().unwrap();
    assert_eq!(attempt, 1);
    assert_eq!(
        ports.record(&id()).unwrap().sequence,
        1,
        "nothing changed for readers"
    );
}

#[tokio::test]
async fn an_outage_that_outlasts_the_offer_by_a_day_ends_the_issuance() {
    let ports = started().await;
    ports.world().wallet_mood = Mood::Down;
    ports.world().now += OFFER_LIFE + GRACE + OUTAGE_PATIENCE;
    assert_eq!(
        poll(&ports, 0, MAX_DELIVERIES).await,
        Polled::Ended(Status::Error)
    );
    assert_eq!(
        status(&ports).await.unwrap().error.unwrap().code,
        "wallet_unreachable"
    );
}

/// The wallet's answer is pending from here on, whatever happens.
fn says_pending(ports: &Ports) {
    let pending = IssueStatus::new(Status::IssueRequestCreated, id(), None);
    ports.world().wallet_says = Some(pending);
}

/// Polls whenever one is due until the issuance ends in `error`, and counts the polls.
async fn polls_until_the_end(ports: &Ports) -> usize {
    for attempt in 0.. {
        let (_, due) = ports.world().last_poll().unwrap();
        ports.world().now = Timestamp::UNIX_EPOCH + due;
        if poll(ports, attempt, 1).await == Polled::Ended(Status::Error) {
            return attempt as usize + 1;
        }
    }
    unreachable!()
}

/// A wallet that is not Bestow's own says nothing about the end of its offers.
#[tokio::test]
async fn an_offer_of_unknown_life_is_followed_for_days() {
    let ports = Ports::default();
    ports.world().wallet_says_expires_at = Some(None);
    ports.starting().start_issue(request("")).await.unwrap();
    says_pending(&ports);
    ports.world().now += Duration::from_hours(3);
    assert!(matches!(poll(&ports, 0, 1).await, Polled::Pending { .. }));
    ports.world().wallet_says = None;
    ports.world().customer(&id(), Stage::CredentialIssued);
    assert_eq!(
        poll(&ports, 1, 1).await,
        Polled::Ended(Status::IssueCompleted)
    );

    let ports = Ports::default();
    ports.world().wallet_says_expires_at = Some(None);
    ports.starting().start_issue(request("")).await.unwrap();
    says_pending(&ports);
    let polls = polls_until_the_end(&ports).await;
    assert!(polls < 700, "{polls}");
    let end = Timestamp::UNIX_EPOCH + DEFAULT_OFFER_LIFE + GRACE;
    assert_eq!(ports.world().now, end);
}

#[tokio::test]
async fn an_answer_that_was_asked_for_in_time_is_not_judged_by_when_it_came() {
    let ports = started().await;
    says_pending(&ports);
    ports.world().now += OFFER_LIFE + GRACE - Duration::from_millis(1);
    ports.world().wallet_takes = Duration::from_secs(5);
    assert!(matches!(poll(&ports, 0, 1).await, Polled::Pending { .. }));
    assert_eq!(poll(&ports, 1, 1).await, Polled::Ended(Status::Error));
}

/// A gateway answers so while the wallet behind it is being moved.
#[tokio::test]
async fn a_wallet_that_does_not_know_its_own_offer_is_asked_until_the_offer_ends() {
    let ports = started().await;
    let moved = ports.world().wallet.remove(&id());
    ports.world().now += Duration::from_mins(10);
    assert!(matches!(poll(&ports, 0, 1).await, Polled::Pending { .. }));
    ports
        .world()
        .wallet
        .extend(moved.map(|known| (id(), known)));
    ports.world().customer(&id(), Stage::CredentialIssued);
    assert_eq!(
        poll(&ports, 1, 1).await,
        Polled::Ended(Status::IssueCompleted)
    );

    let ports = started().await;
    ports.world().wallet.clear();
    polls_until_the_end(&ports).await;
    let view = status(&ports).await.unwrap();
    assert_eq!(view.error.unwrap().code, "unknown_to_wallet");
}

#[tokio::test]
async fn nothing_that_a_wallet_writes_for_humans_is_recorded() {
    for (code, recorded) in [
        ("iban_rejected", "iban_rejected"),
        (CARELESS, IssueError::WALLET_ERROR),
        ("", IssueError::WALLET_ERROR),
    ] {
        let ports = started().await;
        let mut report = IssueStatus::new(Status::Error, id(), None);
        report.error = Some(IssueError::new(code, CARELESS));
        ports.world().wallet_says = Some(report);
        assert_eq!(poll(&ports, 0, 1).await, Polled::Ended(Status::Error));
        assert_eq!(status(&ports).await.unwrap().error.unwrap().code, recorded);
        assert!(!format!("{:?}", ports.record(&id())).contains("NL12"));
    }

    let ports = started().await;
    ports.world().wallet_mood = Mood::Refusing;
    assert_eq!(poll(&ports, 0, 1).await, Polled::Ended(Status::Error));
    let error = status(&ports).await.unwrap().error.unwrap();
    assert_eq!(error.code, "wallet_refused");
    assert!(!format!("{:?}", ports.record(&id())).contains("NL12"));
}

/// The scan and the completion, and nothing in between; then what became of the credential.
#[tokio::test]
async fn with_callbacks_completion_costs_two_polls_and_a_later_report_one_more() {
    let ports = started_with_callbacks().await;
    ports.world().now += Duration::from_mins(14);
    ports.world().customer(&id(), Stage::OfferRetrieved);
    assert_eq!(poll_now(&ports).await, AS_SCHEDULED);
    ports.world().customer(&id(), Stage::CredentialIssued);
    assert_eq!(
        poll_now(&ports).await,
        Polled::Ended(Status::IssueCompleted)
    );
    assert_eq!(ports.world().times_asked, 2);

    ports.world().customer(&id(), Stage::Accepted);
    let accepted = Polled::AskedAfterEnd {
        news: Some(Stage::Accepted),
    };
    assert_eq!(poll_now(&ports).await, accepted);
    assert_eq!(ports.world().times_asked, 3);

    // The one message of the schedule is dropped.
    let dropped = Polled::Dropped(DropReason::Ended);
    assert_eq!(poll(&ports, 0, 1).await, dropped);
    assert_eq!(ports.world().times_asked, 3);
    assert_eq!(ports.world().queue.len(), 1);
}

#[tokio::test]
async fn callbacks_that_are_lost_are_made_up_for_by_the_schedule() {
    let ports = started_with_callbacks().await;
    says_pending(&ports);
    assert_eq!(polls_until_the_end(&ports).await, 2);
    assert_eq!(
        ports.world().now,
        Timestamp::UNIX_EPOCH + OFFER_LIFE + GRACE
    );
    assert_eq!(status(&ports).await.unwrap().stage, Some(Stage::Expired));
}

/// What became of a poll for now that did not end the issuance.
const AS_SCHEDULED: Polled = Polled::Pending {
    next_poll_in: None,
    wallet_failure: None,
};

#[tokio::test]
async fn a_poll_for_now_leaves_the_schedule_as_it_is() {
    let ports = started_with_callbacks().await;
    for stage in [Stage::OfferRetrieved, Stage::TokenIssued] {
        ports.world().customer(&id(), stage.clone());
        assert_eq!(poll_now(&ports).await, AS_SCHEDULED);
        assert_eq!(status(&ports).await.unwrap().stage, Some(stage));
    }
    assert_eq!(ports.world().queue.len(), 1, "one message, from the start");
    ports.world().now += Duration::from_secs(900);
    let next = poll(&ports, 0, 1).await;
    assert!(
        matches!(
            next,
            Polled::Pending {
                next_poll_in: Some(_),
                ..
            }
        ),
        "{next:?}"
    );
}

/// Whoever started it may have died before the first message was on the queue.
#[tokio::test]
async fn a_poll_for_now_of_a_reservation_puts_a_message_on_the_queue() {
    let ports = started_with_callbacks().await;
    {
        let mut world = ports.world();
        world.queue.clear();
        let stored = world.table.get_mut(&id()).unwrap();
        stored.record.state = State::Reserved {
            lease_until: Timestamp::UNIX_EPOCH,
        };
    }
    let polled = poll_now(&ports).await;
    assert!(
        matches!(
            polled,
            Polled::Pending {
                next_poll_in: Some(_),
                ..
            }
        ),
        "{polled:?}"
    );
    assert_eq!(ports.world().queue.len(), 1);
}

/// A wallet in the same process says by itself what has become of an issuance.
#[tokio::test]
async fn what_the_wallet_says_by_itself_is_recorded_without_asking_it() {
    let ports = started_with_callbacks().await;
    for (stage, polled) in [
        (Stage::OfferRetrieved, AS_SCHEDULED),
        (Stage::OfferRetrieved, AS_SCHEDULED),
        (
            Stage::CredentialIssued,
            Polled::Ended(Status::IssueCompleted),
        ),
        (
            Stage::Accepted,
            Polled::AskedAfterEnd {
                news: Some(Stage::Accepted),
            },
        ),
        (Stage::Accepted, Polled::AskedAfterEnd { news: None }),
    ] {
        ports.world().customer(&id(), stage.clone());
        let (report, stored, now) = {
            let world = ports.world();
            let report = world.report(&world.wallet[&id()]);
            (report, world.table.get(&id()).cloned(), world.now)
        };
        let recorded = ports.polling().record_report(report, stored, now).await;
        assert_eq!(recorded.unwrap(), polled);
        assert_eq!(status(&ports).await.unwrap().stage, Some(stage));
    }
    assert_eq!(ports.world().times_asked, 0);
    assert_eq!(status(&ports).await.unwrap().sequence, Some(4));
}

/// A wallet that does not answer may not call back either.
#[tokio::test]
async fn a_wallet_that_fails_is_asked_as_if_it_did_not_call_back() {
    let ports = started_with_callbacks().await;
    ports.world().wallet_mood = Mood::Down;
    poll(&ports, 0, MAX_DELIVERIES).await;
    assert_eq!(
        ports.world().last_poll(),
        Some((1, Duration::from_secs(10)))
    );
}

/// Of two polls for now at the same time the one that asked first is recorded first. The other knows of the
/// completion, though the record was changed meanwhile.
#[tokio::test]
async fn a_poll_for_now_that_was_overtaken_still_tells_what_it_found() {
    let ports = started_with_callbacks().await;
    let stored = ports.world().table.get(&id()).cloned();
    ports.world().customer(&id(), Stage::OfferRetrieved);
    poll_now(&ports).await;
    ports.world().customer(&id(), Stage::CredentialIssued);
    // It read the record before the first poll was dealt with.
    let late = PollMessage::poll_now(id());
    let polled = ports.polling().poll(&late, stored, 1).await.unwrap();
    assert_eq!(polled, Polled::Ended(Status::IssueCompleted));
}

#[tokio::test]
async fn a_poll_for_nobody_is_dropped() {
    let ports = Ports::default();
    assert_eq!(
        poll_now(&ports).await,
        Polled::Dropped(DropReason::NoRecord)
    );
}
