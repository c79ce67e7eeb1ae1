//! What callers can rely upon.

use contract::{CorrelationId, IssueStatus, Stage, StartIssue, Status};
use issuance::ports::{PollMessage, Stored};
use issuance::{
    DropReason, FRESH_MS, LEASE_MS, MAX_DELIVERIES, OUTAGE_PATIENCE_SECONDS, Polled,
    StartFailureCause, UNKNOWN_PATIENCE_MS,
};
use uuid::Uuid;

use crate::world::{Mood, Ports};

fn id() -> CorrelationId {
    "89cba89".parse().unwrap()
}

fn request(extra: &str) -> StartIssue {
    let body = format!(
        r#"{{"correlation_id": "89cba89", "template_id": "issue_iban", "claims": {{"iban": "NL12"}}{extra}}}"#
    );
    StartIssue::from_json(body.as_bytes()).unwrap()
}

async fn started() -> Ports {
    let ports = Ports::default();
    ports.starting().start_issue(request("")).await.unwrap();
    ports
}

async fn poll(ports: &Ports, attempt: u32, delivery: u32) -> Polled {
    let stored: Option<Stored> = ports.world().table.get(&id()).cloned();
    let message = PollMessage {
        correlation_id: id(),
        attempt,
    };
    ports
        .polling()
        .poll(&message, stored, delivery)
        .await
        .unwrap()
}

async fn status(ports: &Ports) -> Option<IssueStatus> {
    ports.querying().get_status(&id()).await.unwrap()
}

#[tokio::test]
async fn a_started_issuance_can_be_read_and_is_followed() {
    let ports = started().await;
    let view = status(&ports).await.unwrap();
    assert_eq!(view.status, Status::IssueRequestCreated);
    assert_eq!(view.stage, Some(Stage::OfferCreated));
    assert_eq!(view.revocation_uuid, Some(Uuid::from_u128(1)));
    assert_eq!(
        (view.sequence, view.template_id.as_deref()),
        (Some(1), Some("issue_iban"))
    );

    let waiting = ports.world().queue.clone();
    assert_eq!(
        waiting,
        [(
            PollMessage {
                correlation_id: id(),
                attempt: 0
            },
            10_000
        )]
    );
}

#[tokio::test]
async fn a_caller_without_a_correlation_id_gets_one() {
    let ports = Ports::default();
    let nameless = StartIssue {
        correlation_id: None,
        ..request("")
    };
    let started = ports.starting().start_issue(nameless).await.unwrap();
    assert!(Uuid::parse_str(started.correlation_id.as_str()).is_ok());
    assert!(ports.record(&started.correlation_id).is_some());
}

#[tokio::test]
async fn the_wallet_is_sent_neither_qr_code_nor_callback() {
    let ports = Ports::default();
    let wishes = r#", "qr_code": {}, "callback": {"url": "https://backend.example/hook"}"#;
    ports.starting().start_issue(request(wishes)).await.unwrap();
    let sent = ports.world().wallet[&id()].request.clone();
    assert_eq!(
        (sent.qr_code, sent.callback, sent.correlation_id),
        (None, None, Some(id()))
    );
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_without_the_wallet() {
    let ports = started().await;
    ports.world().wallet_mood = Mood::Down;
    let repeat = ports.starting().start_issue(request("")).await.unwrap();
    assert!(repeat.is_repeat);
    assert_eq!(repeat.request_uri, "openid-credential-offer://?offer=1");
    assert_eq!(ports.world().queue.len(), 1, "no second chain of polls");
}

#[tokio::test]
async fn a_transaction_code_is_not_stored_and_a_repeat_gets_it_from_the_wallet() {
    let ports = Ports::default();
    let first = ports
        .starting()
        .start_issue(request(r#", "tx_code": {}"#))
        .await
        .unwrap();
    assert!(first.tx_code.is_some());
    assert!(!format!("{:?}", ports.record(&id())).contains("123456"));
    let repeat = ports
        .starting()
        .start_issue(request(r#", "tx_code": {}"#))
        .await
        .unwrap();
    assert_eq!(
        (repeat.tx_code, repeat.request_uri),
        (first.tx_code, first.request_uri)
    );
    assert_eq!(ports.world().offers_made, 1);
}

#[tokio::test]
async fn another_body_under_the_same_correlation_id_is_a_conflict() {
    let ports = started().await;
    let other = request(r#", "request_uri_base": "https://customerwallet.com""#);
    let failure = ports.starting().start_issue(other).await.unwrap_err();
    assert!(matches!(failure.cause, StartFailureCause::Conflict));
    assert_eq!(failure.problem().status, 409);
}

#[tokio::test]
async fn what_the_wallet_refuses_leaves_nothing_behind() {
    let ports = Ports::default();
    ports.world().wallet_mood = Mood::Refusing;
    let failure = ports.starting().start_issue(request("")).await.unwrap_err();
    assert_eq!(failure.problem().status, 422);
    assert_eq!(ports.record(&id()), None);

    ports.world().wallet_mood = Mood::Well;
    assert_eq!(
        poll(&ports, 0, 1).await,
        Polled::Dropped(DropReason::NoRecord)
    );
    assert!(ports.starting().start_issue(request("")).await.is_ok());
}

#[tokio::test]
async fn a_wallet_that_is_down_can_be_tried_again_at_once() {
    let ports = Ports::default();
    ports.world().wallet_mood = Mood::Down;
    let failure = ports.starting().start_issue(request("")).await.unwrap_err();
    assert_eq!(failure.problem().status, 503);
    assert_eq!(status(&ports).await, None, "it was not accepted");

    ports.world().wallet_mood = Mood::Well;
    assert!(ports.starting().start_issue(request("")).await.is_ok());
}

#[tokio::test]
async fn an_offer_that_nobody_would_follow_is_not_handed_out() {
    let ports = Ports::default();
    ports.world().queue_mood = Mood::Down;
    let failure = ports.starting().start_issue(request("")).await.unwrap_err();
    assert_eq!(failure.problem().status, 503);
    ports.world().queue_mood = Mood::Well;
    let started = ports.starting().start_issue(request("")).await.unwrap();
    assert_eq!(started.request_uri, "openid-credential-offer://?offer=1");
}

#[tokio::test]
async fn a_lost_reply_to_our_own_write_is_a_success() {
    let ports = Ports::default();
    ports.world().records_mood = Mood::AnswerLostAndRepeated;
    let started = ports.starting().start_issue(request("")).await.unwrap();
    assert!(!started.is_repeat);
    assert_eq!(ports.record(&id()).unwrap().sequence, 1);
}

#[tokio::test]
async fn a_start_whose_process_died_is_taken_over_when_its_lease_is_over() {
    let ports = Ports::default();
    let starting = ports.starting();
    let mut dying = Box::pin(starting.start_issue(request("")));
    for _ in 0..3 {
        assert!(futures::poll!(dying.as_mut()).is_pending());
    }
    drop(dying);

    let failure = ports.starting().start_issue(request("")).await.unwrap_err();
    assert_eq!(failure.problem().status, 409);
    assert_eq!(failure.problem().retry_after_seconds, Some(1));
    ports.world().now_ms += LEASE_MS;
    assert!(ports.starting().start_issue(request("")).await.is_ok());
}

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
async fn a_request_that_never_reached_the_wallet_ends_as_not_started() {
    let ports = Ports::default();
    ports.world().wallet_mood = Mood::Down;
    ports.starting().start_issue(request("")).await.unwrap_err();
    ports.world().wallet_mood = Mood::Well;
    assert!(matches!(poll(&ports, 0, 1).await, Polled::Pending { .. }));
    ports.world().now_ms += UNKNOWN_PATIENCE_MS;
    assert_eq!(poll(&ports, 1, 1).await, Polled::Ended(Status::Error));
    assert_eq!(
        status(&ports).await.unwrap().error.unwrap().code,
        "not_started"
    );
    let failure = ports.starting().start_issue(request("")).await.unwrap_err();
    assert!(matches!(failure.cause, StartFailureCause::Ended));
}

#[tokio::test]
async fn a_pending_issuance_is_asked_about_again_and_a_stale_message_is_dropped() {
    let ports = started().await;
    let pending = Polled::Pending {
        next_poll_in_seconds: 10,
        wallet_failure: None,
    };
    assert_eq!(poll(&ports, 0, 1).await, pending);
    let next = ports.world().queue.last().cloned();
    assert_eq!(
        next,
        Some((
            PollMessage {
                correlation_id: id(),
                attempt: 1
            },
            10_000
        ))
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
    let mut polls = 0;
    for attempt in 0.. {
        let due_ms = ports.world().queue.last().unwrap().1;
        ports.world().now_ms = due_ms;
        polls += 1;
        if poll(&ports, attempt, 1).await == Polled::Ended(Status::Error) {
            break;
        }
    }
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
    assert_eq!(ports.world().queue.last().unwrap().0.attempt, 1);
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
    ports.world().now_ms += (1_200 + OUTAGE_PATIENCE_SECONDS) * 1_000;
    assert_eq!(
        poll(&ports, 0, MAX_DELIVERIES).await,
        Polled::Ended(Status::Error)
    );
    assert_eq!(
        status(&ports).await.unwrap().error.unwrap().code,
        "wallet_unreachable"
    );
}

#[tokio::test]
async fn a_query_brings_the_next_poll_forward_once_the_answer_is_old() {
    let ports = started().await;
    ports.world().now_ms += FRESH_MS;
    status(&ports).await;
    assert_eq!(ports.world().queue.len(), 1, "the answer is fresh");
    ports.world().now_ms += 1;
    status(&ports).await;
    let last = ports.world().queue.last().cloned();
    assert_eq!(
        last,
        Some((
            PollMessage {
                correlation_id: id(),
                attempt: 0
            },
            FRESH_MS + 1
        ))
    );
}

#[tokio::test]
async fn a_queue_that_is_down_does_not_fail_a_query() {
    let ports = started().await;
    ports.world().now_ms += 60_000;
    ports.world().queue_mood = Mood::Down;
    assert!(status(&ports).await.is_some());
}
