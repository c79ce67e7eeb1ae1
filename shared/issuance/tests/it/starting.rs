//! What the callers of Start issue can rely upon.

use std::time::Duration;

use bestow_contract::{Stage, StartIssue, Status};
use bestow_issuance::{
    DropReason, LEASE, LONGEST_OFFER_LIFE, Polled, StartIssueErrorKind, StartedIssue,
    UNKNOWN_PATIENCE,
};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::ports::Ports;
use crate::scenario::{id, poll, request, started, started_with_callbacks, status};
use crate::world::{Mood, OFFER_LIFE};

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

    assert_eq!(ports.world().queue.len(), 1);
    assert_eq!(
        ports.world().last_poll(),
        Some((0, Duration::from_secs(10)))
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
async fn a_wallet_that_can_call_back_is_told_where() {
    let ports = started_with_callbacks().await;
    let callback = ports.world().wallet[&id()]
        .request
        .callback
        .clone()
        .unwrap();
    let token = callback
        .url
        .strip_prefix("https://issuer.example/api/v2/wallet-callbacks/")
        .unwrap();
    let tokens = ports.starting().callbacks.unwrap().tokens;
    assert_eq!(tokens.open(token), Some(id()));
    assert!(callback.status.is_empty(), "every status");
    assert_eq!(
        ports.world().last_poll(),
        Some((0, Duration::from_secs(900)))
    );
}

/// A transaction code is not kept, so each repeat asks the wallet again, to which it must be the same
/// request.
#[tokio::test]
async fn a_repeat_is_the_same_to_the_wallet_though_callbacks_were_switched_meanwhile() {
    for at_first in [false, true] {
        let ports = Ports::default();
        for wallet_calls_back in [at_first, !at_first] {
            ports.world().wallet_calls_back = wallet_calls_back;
            let request = request(r#", "tx_code": {}"#);
            ports.starting().start_issue(request).await.unwrap();
        }
        let record = ports.record(&id()).unwrap();
        assert_eq!(record.wallet_calls_back, at_first);
    }
}

#[tokio::test]
async fn the_callback_stays_with_the_record() {
    let ports = Ports::default();
    let callback = r#", "callback": {"url": "https://backend.example/hook", "status": "error"}"#;
    ports
        .starting()
        .start_issue(request(callback))
        .await
        .unwrap();
    let kept = ports.record(&id()).unwrap().callback.unwrap();
    assert_eq!(kept.url, "https://backend.example/hook");
    assert_eq!(kept.status, [Status::Error]);
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_without_the_wallet() {
    let ports = started().await;
    ports.world().wallet_mood = Mood::Down;
    let repeat = ports.starting().start_issue(request("")).await.unwrap();
    assert!(repeat.is_repeat);
    assert_eq!(repeat.request_uri, "openid-credential-offer://?offer=1");
    assert_eq!(repeat.revocation_uuid, Some(Uuid::from_u128(1)));
    assert_eq!(repeat.expires_at, Some(Timestamp::UNIX_EPOCH + OFFER_LIFE));
    assert_eq!(ports.world().queue.len(), 1, "no second chain of polls");
}

#[tokio::test]
async fn a_repeat_may_ask_for_another_picture() {
    let ports = started().await;
    let painted = request(r#", "qr_code": {"size": 300}"#);
    let repeat = ports.starting().start_issue(painted).await.unwrap();
    assert!(repeat.is_repeat);
}

#[tokio::test]
async fn a_caller_is_told_what_the_wallet_told() {
    let ports = Ports::default();
    let first = ports.starting().start_issue(request("")).await.unwrap();
    assert_eq!(first.revocation_uuid, Some(Uuid::from_u128(1)));
    assert_eq!(first.expires_at, Some(Timestamp::UNIX_EPOCH + OFFER_LIFE));
}

#[tokio::test]
async fn an_end_of_an_offer_that_cannot_be_is_not_believed() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    for (said, believed) in [
        (None, None),
        (Some(0), None),
        (Some(900), None),
        (Some(1_800_000_900), Some(now + Duration::from_secs(900))),
        (Some(1_800_000_900_000), Some(now + LONGEST_OFFER_LIFE)),
        (Some(u64::MAX), Some(now + LONGEST_OFFER_LIFE)),
    ] {
        let ports = Ports::default();
        ports.world().now = now;
        ports.world().wallet_says_expires_at = Some(said);
        let started = ports.starting().start_issue(request("")).await.unwrap();
        assert_eq!(started.expires_at, believed, "{said:?}");
    }
}

/// With a transaction code the link is never stored, so it does not tell whether an answer came.
#[tokio::test]
async fn a_second_answer_tells_when_an_offer_ends_whose_first_answer_was_lost() {
    let ports = Ports::default();
    let with_code = || request(r#", "tx_code": {}"#);
    ports.world().wallet_mood = Mood::AnswerLost;
    ports.starting().start_issue(with_code()).await.unwrap_err();
    ports.world().wallet_mood = Mood::Well;
    poll(&ports, 0, 1).await;
    let known = ports.record(&id()).unwrap();
    assert_eq!(known.offer().unwrap().expires_at, None);

    ports.starting().start_issue(with_code()).await.unwrap();
    let known = ports.record(&id()).unwrap();
    let expires_at = known.offer().unwrap().expires_at;
    assert_eq!(expires_at, Some(Timestamp::UNIX_EPOCH + OFFER_LIFE));
}

/// A process that slept through its lease finds that its reservation is gone: nobody would follow.
#[tokio::test]
async fn an_offer_whose_reservation_was_given_up_is_not_handed_out() {
    let ports = Ports::default();
    let starting = ports.starting();
    let mut sleeping = Box::pin(starting.start_issue(request("")));
    for _ in 0..2 {
        assert!(futures::poll!(sleeping.as_mut()).is_pending());
    }
    ports.world().now += UNKNOWN_PATIENCE;
    let dropped = Polled::Dropped(DropReason::NeverStarted);
    assert_eq!(poll(&ports, 0, 1).await, dropped);
    let failure = sleeping.await.unwrap_err();
    assert_eq!(failure.problem().status, 503);
    let repeat = ports.starting().start_issue(request("")).await.unwrap();
    assert_eq!(repeat.request_uri, "openid-credential-offer://?offer=1");
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
    let code = |started: &StartedIssue| {
        started
            .tx_code
            .as_ref()
            .map(|code| code.expose_secret().to_owned())
    };
    assert_eq!(
        (code(&repeat), repeat.request_uri),
        (code(&first), first.request_uri)
    );
    assert_eq!(ports.world().offers_made, 1);
}

#[tokio::test]
async fn another_body_under_the_same_correlation_id_is_a_conflict() {
    let ports = started().await;
    let other = request(r#", "request_uri_base": "https://customerwallet.com""#);
    let failure = ports.starting().start_issue(other).await.unwrap_err();
    assert!(matches!(failure.cause, StartIssueErrorKind::Conflict));
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
    ports.world().now += LEASE;
    assert!(ports.starting().start_issue(request("")).await.is_ok());
}

#[tokio::test]
async fn a_request_that_never_reached_the_wallet_leaves_its_correlation_id_free() {
    let ports = Ports::default();
    ports.world().wallet_mood = Mood::Down;
    ports.starting().start_issue(request("")).await.unwrap_err();
    ports.world().wallet_mood = Mood::Well;
    assert!(matches!(poll(&ports, 0, 1).await, Polled::Pending { .. }));
    ports.world().now += UNKNOWN_PATIENCE;
    let dropped = Polled::Dropped(DropReason::NeverStarted);
    assert_eq!(poll(&ports, 1, 1).await, dropped);
    assert_eq!(status(&ports).await, None, "it was never accepted");

    let started = ports.starting().start_issue(request("")).await.unwrap();
    assert!(!started.is_repeat);
    let due = UNKNOWN_PATIENCE + Duration::from_secs(10);
    assert_eq!(ports.world().last_poll(), Some((0, due)));
}

#[tokio::test]
async fn an_offer_is_not_recorded_for_another_request_that_took_the_name_meanwhile() {
    let ports = Ports::default();
    let starting = ports.starting();
    let mut sleeping = Box::pin(starting.start_issue(request("")));
    for _ in 0..2 {
        assert!(futures::poll!(sleeping.as_mut()).is_pending());
    }
    ports.world().now += UNKNOWN_PATIENCE;
    poll(&ports, 0, 1).await;
    let starting = ports.starting();
    let mut other = Box::pin(starting.start_issue(request(r#", "tx_code": {}"#)));
    for _ in 0..2 {
        assert!(futures::poll!(other.as_mut()).is_pending());
    }
    let failure = sleeping.await.unwrap_err();
    assert!(matches!(failure.cause, StartIssueErrorKind::Conflict));
}

/// The poll that finds the wallet without the issuance, and the wallet's answer, can come at the same time.
#[tokio::test]
async fn an_offer_that_is_recorded_while_a_poll_gives_it_up_is_followed() {
    let ports = Ports::default();
    let starting = ports.starting();
    let mut sleeping = Box::pin(starting.start_issue(request("")));
    for _ in 0..2 {
        assert!(futures::poll!(sleeping.as_mut()).is_pending());
    }
    ports.world().now += UNKNOWN_PATIENCE;
    let mut giving_up = Box::pin(poll(&ports, 0, 1));
    for _ in 0..2 {
        assert!(
            futures::poll!(giving_up.as_mut()).is_pending(),
            "the wallet was asked"
        );
    }
    sleeping.await.unwrap();
    assert!(matches!(giving_up.await, Polled::Pending { .. }));
    let (attempt, _) = ports.world().last_poll().unwrap();
    assert_eq!(attempt, 1);
}

/// Its offer may be gone from the wallet, which would make another one that nobody follows and nobody can revoke.
#[tokio::test]
async fn an_issuance_that_has_ended_is_never_offered_again() {
    let ports = Ports::default();
    let with_code = || request(r#", "tx_code": {}"#);
    ports.starting().start_issue(with_code()).await.unwrap();
    ports.world().customer(&id(), Stage::CredentialIssued);
    poll(&ports, 0, 1).await;
    ports.world().wallet.clear();
    let refused = ports.starting().start_issue(with_code()).await.unwrap_err();
    assert!(matches!(refused.cause, StartIssueErrorKind::Ended));
    assert_eq!(refused.problem().status, 409);
    assert!(ports.world().wallet.is_empty(), "the wallet was not asked");
}

#[tokio::test]
async fn a_wallet_that_answers_a_repeat_with_another_offer_is_refused() {
    let ports = Ports::default();
    let with_code = || request(r#", "tx_code": {}"#);
    ports.starting().start_issue(with_code()).await.unwrap();
    let known = ports.record(&id()).unwrap();
    ports.world().wallet.clear();
    let refused = ports.starting().start_issue(with_code()).await.unwrap_err();
    assert!(matches!(refused.cause, StartIssueErrorKind::AnotherOffer));
    assert_eq!(refused.problem().status, 409);
    assert_eq!(ports.record(&id()), Some(known));
}
