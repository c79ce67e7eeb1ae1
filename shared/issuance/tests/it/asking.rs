//! What the callers of Get issue status see, and what their asking sets off.

use std::time::Duration;

use bestow_issuance::{FRESH, MAX_DELIVERIES, Polled};

use crate::scenario::{poll, started, status};
use crate::world::Mood;

#[tokio::test]
async fn a_query_brings_the_next_poll_forward_once_the_answer_is_old() {
    let ports = started().await;
    ports.world().now += FRESH;
    status(&ports).await;
    assert_eq!(ports.world().queue.len(), 1, "the answer is fresh");
    ports.world().now += Duration::from_millis(1);
    status(&ports).await;
    assert_eq!(
        ports.world().last_poll(),
        Some((0, FRESH + Duration::from_millis(1)))
    );
}

#[tokio::test]
async fn a_queue_that_is_down_does_not_fail_a_query() {
    let ports = started().await;
    ports.world().now += Duration::from_secs(60);
    ports.world().queue_mood = Mood::Down;
    assert!(status(&ports).await.is_some());
}

#[tokio::test]
async fn a_wallet_that_wants_to_be_left_alone_is_not_asked_because_of_a_query() {
    let ports = started().await;
    ports.world().wallet_mood = Mood::Down;
    ports.world().retry_after = Some(Duration::from_secs(60));
    for delivery in 1..=MAX_DELIVERIES {
        let before = ports.world().now;
        let _failed = poll(&ports, 0, delivery).await;
        let messages = ports.world().queue.len();
        ports.world().now = before + Duration::from_secs(60);
        status(&ports).await;
        assert_eq!(
            ports.world().queue.len(),
            messages,
            "{delivery}: left alone"
        );
        ports.world().now += Duration::from_millis(1);
        status(&ports).await;
        assert_eq!(ports.world().queue.len(), messages + 1, "{delivery}");
    }
}

#[tokio::test]
async fn a_poll_goes_on_though_it_cannot_be_recorded_that_the_wallet_failed() {
    let ports = started().await;
    ports.world().wallet_mood = Mood::Down;
    ports.world().records_mood = Mood::Down;
    let outcome = poll(&ports, 0, 1).await;
    assert!(matches!(outcome, Polled::Again { .. }), "{outcome:?}");
}
