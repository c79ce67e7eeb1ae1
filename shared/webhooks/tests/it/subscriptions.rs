//! Subscriptions that end, are taken away, and are not known yet.

use std::time::Duration;

use bestow_issuance::Change;
use bestow_webhooks::ports::DeliveryMessage;
use bestow_webhooks::{Failure, Outcome, State, SubscriptionId};

use crate::deliveries::announced;
use crate::world::{Ports, offered, status};

const ONE: &str = "https://one.example/x";
const ANOTHER: &str = "https://two.example/y";

/// The first message of a delivery to [`ONE`], a subscription of the account.
async fn announced_to_one(ports: &Ports) -> DeliveryMessage {
    let silent = Change {
        callback: None,
        ..offered(&[])
    };
    ports.announcing(ONE).announce(&silent).await.unwrap();
    ports.take()
}

#[tokio::test]
async fn gone_ends_the_subscription_until_a_replay_succeeds() {
    let ports = Ports::new();
    let (id, message) = announced(&ports).await;
    ports.answers([status(410)]);
    let outcome = ports.deliver(&message).await;
    assert!(matches!(
        outcome,
        Outcome::Failed {
            failure: Failure::Gone,
            ..
        }
    ));
    assert_eq!(ports.world().ended, [SubscriptionId::Issuance]);

    // The next change is not posted, and can be found.
    let mut change = offered(&[]);
    change.sequence += 1;
    ports.announcing("").announce(&change).await.unwrap();
    let next = ports.take();
    let outcome = ports.deliver(&next).await;
    let ended = Failure::SubscriptionEnded;
    assert_eq!(
        outcome,
        Outcome::Failed {
            attempt: None,
            failure: ended
        }
    );
    assert_eq!(ports.world().seen.len(), 1);

    // A replay that fails changes nothing; one that succeeds resumes.
    ports.answers([status(410)]);
    ports.replaying().replay(&id).await.unwrap();
    ports.deliver(&ports.take()).await;
    assert!(!ports.world().ended.is_empty());
    ports.replaying().replay(&next.delivery_id).await.unwrap();
    assert!(matches!(
        ports.deliver(&ports.take()).await,
        Outcome::Delivered(_)
    ));
    assert!(ports.world().ended.is_empty());
}

/// The functions are deployed one after the other: whoever announces may know a subscription before
/// whoever posts does.
#[tokio::test]
async fn a_subscription_that_is_not_known_yet_is_waited_for() {
    let ports = Ports::new();
    let message = announced_to_one(&ports).await;
    let id = message.delivery_id.clone();
    let outcome = ports.deliver_with(ANOTHER, &message).await.unwrap();
    assert_eq!(
        outcome,
        Outcome::SubscriptionUnknown(Duration::from_secs(60))
    );
    let waiting = ports.delivery(&id);
    assert_eq!((waiting.attempt, waiting.attempts.len()), (0, 0));
    assert!(matches!(waiting.state, State::Pending { .. }));
    assert_eq!(waiting.url.as_str(), ONE);

    let outcome = ports.deliver_with(ONE, &ports.take()).await.unwrap();
    assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
    assert_eq!(ports.world().seen.len(), 1);
}

#[tokio::test]
async fn a_subscription_that_the_operator_removed_is_not_posted_to() {
    let ports = Ports::new();
    let mut message = announced_to_one(&ports).await;
    let announced_at = ports.world().now;
    let outcome = loop {
        match ports.deliver_with(ANOTHER, &message).await.unwrap() {
            Outcome::SubscriptionUnknown(_) => message = ports.take(),
            outcome => break outcome,
        }
    };
    let failure = Failure::Unsubscribed;
    assert_eq!(
        outcome,
        Outcome::Failed {
            attempt: None,
            failure
        }
    );
    let waited = ports.world().now - announced_at;
    assert_eq!(waited.as_secs(), 30 * 60);
    assert!(ports.world().seen.is_empty());

    let id = &message.delivery_id;
    ports.replaying().replay(id).await.unwrap();
    let outcome = ports.deliver_with(ONE, &ports.take()).await.unwrap();
    assert!(matches!(outcome, Outcome::Delivered(_)));
}
