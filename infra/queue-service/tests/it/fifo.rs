//! FIFO queues: order within a group, one receive of a group at a time, no duplicates.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::endpoint::{Endpoint, bodies};

async fn fifo_queue(endpoint: &Endpoint) -> String {
    let attributes = json!({
        "FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "30",
    });
    endpoint.queue("orders.fifo", attributes).await
}

#[tokio::test(start_paused = true)]
async fn a_group_is_locked_while_one_of_its_messages_is_in_flight() {
    let endpoint = Endpoint::new();
    let url = fifo_queue(&endpoint).await;
    for (group, body) in [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")] {
        endpoint.send_to_group(&url, group, body).await;
    }
    let one = endpoint.receive_with(json!({"QueueUrl": url})).await;
    assert_eq!(bodies(&one), ["a1"]);
    assert_eq!(bodies(&endpoint.receive(&url, 0).await), ["b1"]);
    assert!(endpoint.receive(&url, 0).await.is_empty());

    endpoint.delete(&url, &one[0]).await.unwrap();
    assert_eq!(bodies(&endpoint.receive(&url, 0).await), ["a2", "a3"]);
}

#[tokio::test(start_paused = true)]
async fn a_delete_wakes_a_long_poll_for_the_rest_of_the_group() {
    let endpoint = Endpoint::new();
    let url = fifo_queue(&endpoint).await;
    endpoint.send_to_group(&url, "a", "a1").await;
    endpoint.send_to_group(&url, "a", "a2").await;
    let one = endpoint.receive_with(json!({"QueueUrl": url})).await;
    let started = tokio::time::Instant::now();
    let (rest, ()) = tokio::join!(endpoint.receive(&url, 20), async {
        sleep(Duration::from_secs(3)).await;
        endpoint.delete(&url, &one[0]).await.unwrap();
    });
    assert_eq!(bodies(&rest), ["a2"]);
    assert_eq!(started.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_times_out_comes_back_before_those_after_it() {
    let endpoint = Endpoint::new();
    let url = fifo_queue(&endpoint).await;
    endpoint.send_to_group(&url, "a", "a1").await;
    endpoint.send_to_group(&url, "a", "a2").await;
    let late = endpoint.receive_with(json!({"QueueUrl": url})).await;
    sleep(Duration::from_secs(30)).await;
    let refusal = endpoint.delete(&url, &late[0]).await.unwrap_err();
    assert_eq!(refusal.code, "InvalidParameterValue");
    let again = endpoint.receive(&url, 0).await;
    assert_eq!(bodies(&again), ["a1", "a2"]);
    let sequence = |message: &Value| message["Attributes"]["SequenceNumber"].to_string();
    assert!(sequence(&again[0]) < sequence(&again[1]));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_within_five_minutes_is_answered_and_dropped() {
    let endpoint = Endpoint::new();
    let url = fifo_queue(&endpoint).await;
    let first = endpoint.send_to_group(&url, "a", "same").await;
    let received = endpoint.receive(&url, 0).await;
    endpoint.delete(&url, &received[0]).await.unwrap();
    sleep(Duration::from_secs(299)).await;
    let repeat = endpoint.send_to_group(&url, "b", "same").await;
    assert_eq!(first["MessageId"], repeat["MessageId"]);
    assert_eq!(first["SequenceNumber"], repeat["SequenceNumber"]);
    assert!(endpoint.receive(&url, 0).await.is_empty());

    sleep(Duration::from_secs(1)).await;
    let later = endpoint.send_to_group(&url, "a", "same").await;
    assert_ne!(first["MessageId"], later["MessageId"]);
    assert_eq!(bodies(&endpoint.receive(&url, 0).await), ["same"]);
}

#[tokio::test]
async fn duplicates_are_told_per_group_where_the_queue_says_so() {
    let endpoint = Endpoint::new();
    let attributes = json!({"FifoQueue": "true", "DeduplicationScope": "messageGroup"});
    let url = endpoint.queue("orders.fifo", attributes).await;
    for (group, id) in [("a", "1"), ("a", "1"), ("b", "1"), ("b", "2")] {
        let message = json!({
            "QueueUrl": url, "MessageBody": format!("{group}{id}"),
            "MessageGroupId": group, "MessageDeduplicationId": id,
        });
        endpoint.call("SendMessage", message).await.unwrap();
    }
    assert_eq!(bodies(&endpoint.receive(&url, 0).await), ["a1", "b1", "b2"]);
}
