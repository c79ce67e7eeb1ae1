//! A receiver that hangs holds up no other.

use bestow_webhooks::ports::{Answer, DeliveryMessage, Post, Receiver};
use bestow_webhooks::{Attempt, AttemptError, Failure, LONGEST_WAIT, Outcome};
use tokio::sync::Notify;

use crate::world::{Ports, offered, status};

/// Two at the host of the callback, and one elsewhere.
const SUBSCRIPTIONS: &str =
    "https://backend.example/x,https://backend.example/y,https://two.example/z";

/// The callback's host answers nothing until it is cut off; the other takes everything.
struct Hangs<'n>(&'n Notify);

impl Receiver for Hangs<'_> {
    async fn post(&self, post: Post<'_>) -> Answer {
        if post.url.host() != "backend.example" {
            return status(200);
        }
        self.0.notified().await;
        Answer::None(AttemptError::Timeout)
    }
}

fn error(outcome: Outcome) -> Option<AttemptError> {
    match outcome {
        Outcome::Pending {
            attempt: Attempt { error, .. },
            ..
        } => error,
        _ => None,
    }
}

/// The first messages of a change: those of what goes to the callback's host, and those of the rest.
async fn announced(ports: &Ports) -> (Vec<DeliveryMessage>, Vec<DeliveryMessage>) {
    let announcing = ports.announcing(SUBSCRIPTIONS);
    announcing.announce(&offered(&[])).await.unwrap();
    let mut world = ports.world();
    let messages: Vec<DeliveryMessage> = world.queue.drain(..).map(|one| one.0).collect();
    messages.into_iter().partition(|message| {
        let url = &world.table[&message.delivery_id].url;
        url.host() == "backend.example"
    })
}

#[tokio::test]
async fn one_post_at_a_time_finds_out_whether_a_host_still_hangs() {
    let ports = Ports::new();
    let (hanging, elsewhere) = announced(&ports).await;
    let cut_off = Notify::new();
    let use_case = ports.delivering(SUBSCRIPTIONS, Hangs(&cut_off));
    let deliver = async |message| ports.deliver_by(&use_case, message).await.unwrap();

    cut_off.notify_one();
    assert_eq!(
        error(deliver(&hanging[0]).await),
        Some(AttemptError::Timeout)
    );
    let meanwhile = async {
        assert_eq!(
            error(deliver(&hanging[2]).await),
            Some(AttemptError::HostHangs)
        );
        assert!(matches!(
            deliver(&elsewhere[0]).await,
            Outcome::Delivered(_)
        ));
        cut_off.notify_one();
    };
    let (tried, ()) = tokio::join!(deliver(&hanging[1]), meanwhile);
    assert_eq!(error(tried), Some(AttemptError::Timeout));

    // What was not tried is on the schedule like everything that failed.
    assert_eq!(ports.world().queue.len(), hanging.len());
    let delivery = ports.delivery(&hanging[2].delivery_id);
    assert_eq!(delivery.attempts[0].error, Some(AttemptError::HostHangs));
}

#[tokio::test]
async fn the_last_attempt_is_made_even_if_the_host_hangs() {
    let ports = Ports::new();
    let (hanging, _) = announced(&ports).await;
    let mut last = hanging[0].clone();
    ports.answers(vec![status(500); 10]);
    for _ in 0..10 {
        while !matches!(
            ports.deliver_with(SUBSCRIPTIONS, &last).await.unwrap(),
            Outcome::Pending { .. }
        ) {
            last = ports.take();
        }
        last = ports.take();
    }
    // A wait is several messages: until the last of them is due.
    ports.world().now += LONGEST_WAIT.mul_f64(1.1);

    let cut_off = Notify::new();
    let use_case = ports.delivering(SUBSCRIPTIONS, Hangs(&cut_off));
    let deliver = async |message| ports.deliver_by(&use_case, message).await.unwrap();
    cut_off.notify_one();
    deliver(&hanging[1]).await;
    let in_the_end = async {
        let (outcome, ()) = tokio::join!(deliver(&last), async { cut_off.notify_waiters() });
        outcome
    };
    let (_, outcome) = tokio::join!(deliver(&hanging[2]), in_the_end);
    let Outcome::Failed {
        attempt: Some(Attempt { error, .. }),
        failure: Failure::Exhausted,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(error, Some(AttemptError::Timeout));
}
