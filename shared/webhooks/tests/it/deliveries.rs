//! From a change to the receiver, whatever fails on the way.

use std::time::Duration;

use bestow_contract::Status;
use bestow_issuance::Change;
use bestow_webhooks::ports::{Answer, DeliveryMessage};
use bestow_webhooks::{
    AttemptError, DeliverError, DeliveryId, Dropped, Failure, LONGEST_WAIT, MAX_ATTEMPTS_KEPT,
    Outcome, State, SubscriptionId,
};

use crate::world::{Ports, offered, status};

const OTHERS: &str = "https://one.example/x,https://two.example/y";

/// A delivery to the callback that was announced, and its first message.
pub(crate) async fn announced(ports: &Ports) -> (DeliveryId, DeliveryMessage) {
    let sent = ports.announcing("").announce(&offered(&[])).await.unwrap();
    assert_eq!(sent, 1);
    let message = ports.take();
    (message.delivery_id.clone(), message)
}

#[tokio::test]
async fn a_change_is_announced_to_each_subscription_that_wants_it() {
    use Status::{Error, IssueCompleted, IssueRequestCreated};
    for (statuses, subscriptions, expected) in [
        (&[][..], "", 1),
        (&[IssueRequestCreated, Error], "", 1),
        (&[IssueCompleted], "", 0),
        (&[IssueCompleted], OTHERS, 2),
        (&[], OTHERS, 3),
    ] {
        let ports = Ports::new();
        let announcing = ports.announcing(subscriptions);
        let sent = announcing.announce(&offered(statuses)).await.unwrap();
        assert_eq!(sent, expected, "{statuses:?} {subscriptions}");
        assert_eq!(ports.world().queue.len(), expected);
    }
    let ports = Ports::new();
    let silent = Change {
        callback: None,
        ..offered(&[])
    };
    assert_eq!(ports.announcing("").announce(&silent).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_posted_is_the_status_object_and_is_signed_as_it_is() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    assert!(matches!(
        ports.deliver(&message).await,
        Outcome::Delivered(_)
    ));
    let seen = ports.world().seen.clone();
    let view = offered(&[]).status;
    assert_eq!(seen[0].body, serde_json::to_string(&view).unwrap());
    assert_eq!(seen[0].webhook_id, id.to_string());
    assert_eq!(seen[0].timestamp, 1_800_000_000);
    assert_eq!(ports.delivery(&id).state, State::Delivered);
}

#[tokio::test]
async fn a_change_that_is_announced_again_is_delivered_once() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    // Whoever announced it died before its message was sent, or after it.
    let (again, second) = announced(&ports).await;
    assert_eq!((&again, &second), (&id, &message));
    ports.deliver(&message).await;
    ports.deliver(&second).await;
    ports.announcing("").announce(&offered(&[])).await.unwrap();
    assert!(ports.world().queue.is_empty(), "it was tried already");
    assert_eq!(ports.world().seen.len(), 1);
}

#[tokio::test]
async fn an_announcement_that_is_not_on_its_way_fails() {
    let ports = Ports::new();
    ports.world().queue_refuses = true;
    let failed = ports.announcing(OTHERS).announce(&offered(&[])).await;
    assert!(failed.is_err());
    ports.world().queue_refuses = false;
    ports
        .announcing(OTHERS)
        .announce(&offered(&[]))
        .await
        .unwrap();
    assert_eq!(ports.world().queue.len(), 3);
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_keeps_no_other_and_is_not_waited_for() {
    let ports = Ports::new();
    ports.world().unreadable = Some(SubscriptionId::Issuance);
    let failed = ports.announcing(OTHERS).announce(&offered(&[])).await;
    assert!(failed.unwrap_err().is_final());
    assert_eq!(ports.world().queue.len(), 2);
    // What may pass is told first: announced again, the others get theirs.
    ports.world().queue_refuses = true;
    let failed = ports.announcing(OTHERS).announce(&offered(&[])).await;
    assert!(!failed.unwrap_err().is_final());
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_for_three_days_and_each_attempt_is_kept() {
    let ports = Ports::new();
    let (id, first) = announced(&ports).await;
    ports.answers(vec![status(500); 20]);
    let began_at = ports.world().now;
    let mut message = first;
    let failure = loop {
        match ports.deliver(&message).await {
            Outcome::Failed { failure, .. } => break failure,
            Outcome::Pending { .. } | Outcome::Waiting(_) => message = ports.take(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(failure, Failure::Exhausted);
    let delivery = ports.delivery(&id);
    assert_eq!(delivery.attempts.len(), 11);
    assert_eq!(ports.world().seen.len(), 11, "one post for each attempt");
    let ages: Vec<i64> = delivery
        .attempts
        .iter()
        .map(|attempt| (attempt.at - began_at).as_secs())
        .collect();
    assert_eq!(ages[..4], [0, 5, 35, 335]);
    assert!((71 * 3_600..73 * 3_600).contains(&ages[10]), "{ages:?}");
    let error = delivery.attempts[0].error;
    assert_eq!(error, Some(AttemptError::HttpStatus));
}

#[tokio::test]
async fn a_failure_is_followed_by_success() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.answers([
        Answer::None(AttemptError::Timeout),
        status(302),
        status(204),
    ]);
    assert!(matches!(
        ports.deliver(&message).await,
        Outcome::Pending { next_in, .. } if next_in.as_secs() == 5
    ));
    assert!(matches!(
        ports.deliver(&ports.take()).await,
        Outcome::Pending { next_in, .. } if next_in.as_secs() == 30
    ));
    assert!(matches!(
        ports.deliver(&ports.take()).await,
        Outcome::Delivered(_)
    ));
    let attempts = ports.delivery(&id).attempts;
    let told: Vec<_> = attempts
        .iter()
        .map(|one| (one.http_status, one.error))
        .collect();
    assert_eq!(
        told,
        [
            (None, Some(AttemptError::Timeout)),
            (Some(302), Some(AttemptError::Redirect)),
            (Some(204), None),
        ]
    );
    let ids: Vec<_> = ports
        .world()
        .seen
        .iter()
        .map(|one| one.webhook_id.clone())
        .collect();
    assert_eq!(
        ids,
        vec![id.to_string(); 3],
        "the same id with each attempt"
    );
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.answers([Answer::Received {
        http_status: 503,
        retry_after: Some(Duration::from_secs(4_000)),
    }]);
    ports.deliver(&message).await;
    let asked_at = ports.world().now;
    // 900 seconds are the longest that one message waits: five of them.
    let mut hops = 0;
    while let Outcome::Waiting(_) = ports.deliver(&ports.take()).await {
        hops += 1;
    }
    assert_eq!(hops, 4);
    let waited = ports.delivery(&id).attempts[1].at - asked_at;
    assert_eq!(waited.as_secs(), 4_000, "{waited}");
    assert_eq!(ports.delivery(&id).state, State::Delivered);
    const { assert!(LONGEST_WAIT.as_secs() >= 4_000) };
}

#[tokio::test]
async fn doubled_and_late_messages_post_nothing() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.answers([status(500)]);
    ports.deliver(&message).await;
    let next = ports.take();
    assert_eq!(
        ports.deliver(&message).await,
        Outcome::Dropped(Dropped::Stale)
    );
    assert!(matches!(ports.deliver(&next).await, Outcome::Delivered(_)));
    for late in [&message, &next] {
        assert_eq!(ports.deliver(late).await, Outcome::Dropped(Dropped::Stale));
    }
    assert_eq!(ports.world().seen.len(), 2);
    assert_eq!(ports.delivery(&id).attempts.len(), 2);
    assert!(ports.world().queue.is_empty());
}

#[tokio::test]
async fn an_attempt_that_could_not_be_recorded_is_made_again_under_the_same_id() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.answers([status(500), status(200)]);
    ports.world().table_refuses_updates = true;
    let failed = ports.deliver_with("", &message).await;
    assert!(matches!(failed, Err(DeliverError::Deliveries(_))));
    let early = ports.take();
    assert_eq!(early.attempt, 1, "the next message went out first");
    ports.world().table_refuses_updates = false;
    // The platform delivers the message again, or the next one comes first: either way it ends.
    assert!(matches!(ports.deliver(&early).await, Outcome::Delivered(_)));
    assert_eq!(
        ports.deliver(&message).await,
        Outcome::Dropped(Dropped::Stale)
    );
    let ids: Vec<_> = ports
        .world()
        .seen
        .iter()
        .map(|one| one.webhook_id.clone())
        .collect();
    assert_eq!(ids, vec![id.to_string(); 2]);
}

#[tokio::test]
async fn a_next_attempt_that_cannot_be_sent_leaves_the_message_to_come_again() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.answers([status(500)]);
    ports.world().queue_refuses = true;
    let failed = ports.deliver_with("", &message).await;
    assert!(matches!(failed, Err(DeliverError::Queue(_))));
    assert_eq!(ports.delivery(&id).attempt, 0, "nothing is recorded");
    ports.world().queue_refuses = false;
    assert!(matches!(
        ports.deliver(&message).await,
        Outcome::Delivered(_)
    ));
}

#[tokio::test]
async fn a_replay_sends_whatever_became_of_it_and_begins_the_schedule_anew() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.deliver(&message).await;
    let replayed = ports.replaying().replay(&id).await.unwrap().unwrap();
    assert!(matches!(replayed.state, State::Pending { .. }));
    assert_eq!((replayed.replays, replayed.run_attempts), (1, 0));
    let again = ports.take();
    ports.answers([status(500)]);
    assert!(matches!(
        ports.deliver(&again).await,
        Outcome::Pending { next_in, .. } if next_in.as_secs() == 5
    ));
    assert!(matches!(
        ports.deliver(&ports.take()).await,
        Outcome::Delivered(_)
    ));
    assert_eq!(ports.delivery(&id).attempts.len(), 3);

    let unknown = DeliveryId { sequence: 99, ..id };
    assert_eq!(ports.replaying().replay(&unknown).await.unwrap(), None);
}

#[tokio::test]
async fn a_replay_makes_what_is_on_its_way_stale() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.answers([status(500)]);
    ports.deliver(&message).await;
    let waiting = ports.take();
    ports.replaying().replay(&id).await.unwrap();
    assert!(matches!(
        ports.deliver(&ports.take()).await,
        Outcome::Delivered(_)
    ));
    assert_eq!(
        ports.deliver(&waiting).await,
        Outcome::Dropped(Dropped::Stale)
    );
    assert_eq!(ports.world().seen.len(), 2);
}

#[tokio::test]
async fn a_replay_that_comes_before_it_is_recorded_comes_again_and_is_dropped_in_the_end() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.deliver(&message).await;
    ports.world().table_refuses_updates = true;
    assert!(ports.replaying().replay(&id).await.is_err());
    ports.world().table_refuses_updates = false;
    let early = ports.take();
    assert_eq!(ports.deliver(&early).await, Outcome::TooEarly);
    assert_eq!(
        ports.delivery(&id).state,
        State::Delivered,
        "nobody was told that it is sent"
    );
}

#[tokio::test]
async fn the_list_of_attempts_is_bounded() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.deliver(&message).await;
    for _ in 0..MAX_ATTEMPTS_KEPT + 3 {
        ports.replaying().replay(&id).await.unwrap();
        ports.deliver(&ports.take()).await;
    }
    let attempts = ports.delivery(&id).attempts;
    assert_eq!(attempts.len(), MAX_ATTEMPTS_KEPT);
    let last = attempts[MAX_ATTEMPTS_KEPT - 1].at;
    assert!(last + Duration::from_millis(100) > ports.world().now);
}
