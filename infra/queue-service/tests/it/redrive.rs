//! Dead-letter queues and move tasks.

use std::time::Duration;

use bestow_queue_service::queue_arn;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::endpoint::{Endpoint, bodies};

/// A queue that gives up after two receives of 10 s each, and its dead-letter queue: their URLs.
async fn queue_and_dead_letters(endpoint: &Endpoint) -> (String, String) {
    let dead_letters = endpoint.queue("dead", json!({}));
    let policy = json!({"deadLetterTargetArn": queue_arn("dead"), "maxReceiveCount": "2"});
    let attributes = json!({"VisibilityTimeout": "10", "RedrivePolicy": policy.to_string()});
    (endpoint.queue("polls", attributes), dead_letters)
}

/// Receives a message until it goes to the dead-letter queue.
async fn let_die(endpoint: &Endpoint, url: &str) {
    for _ in 0..2 {
        assert_eq!(endpoint.receive(url, 20).await.len(), 1);
    }
    assert!(endpoint.receive(url, 20).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue_and_wakes_its_reader() {
    let endpoint = Endpoint::new();
    let (url, dead_letters) = queue_and_dead_letters(&endpoint).await;
    let sent = endpoint.send(&url, "poison").await;
    let started = Instant::now();
    let ((), dead) = tokio::join!(let_die(&endpoint, &url), async {
        sleep(Duration::from_secs(5)).await;
        let dead = endpoint.receive(&dead_letters, 20).await;
        assert_eq!(started.elapsed().as_secs(), 20);
        dead
    });
    assert_eq!(bodies(&dead), ["poison"]);
    assert_eq!(dead[0]["MessageId"], sent["MessageId"]);
    let attributes = &dead[0]["Attributes"];
    assert_eq!(
        attributes["DeadLetterQueueSourceArn"],
        json!(queue_arn("polls"))
    );
    assert_eq!(attributes["ApproximateReceiveCount"], "3");
}

#[tokio::test(start_paused = true)]
async fn a_poison_message_does_not_hold_back_the_good_one_behind_it() {
    let endpoint = Endpoint::new();
    let (url, _) = queue_and_dead_letters(&endpoint).await;
    endpoint.send(&url, "poison").await;
    for _ in 0..2 {
        endpoint.receive(&url, 20).await;
    }
    endpoint.send(&url, "good").await;
    sleep(Duration::from_secs(10)).await;
    let received = endpoint.receive_with(json!({"QueueUrl": url})).await;
    assert_eq!(bodies(&received), ["good"]);
}

#[tokio::test(start_paused = true)]
async fn a_move_task_takes_dead_letters_back_to_where_they_came_from() {
    let endpoint = Endpoint::new();
    let (url, dead_letters) = queue_and_dead_letters(&endpoint).await;
    let sent = endpoint.send(&url, "poison").await;
    let_die(&endpoint, &url).await;
    endpoint.send(&dead_letters, "of unknown origin").await;

    let source = json!({"SourceArn": queue_arn("dead")});
    endpoint
        .call("StartMessageMoveTask", source.clone())
        .await
        .unwrap();
    let back = endpoint.receive(&url, 0).await;
    assert_eq!(bodies(&back), ["poison"]);
    assert_ne!(back[0]["MessageId"], sent["MessageId"]);
    assert_eq!(back[0]["Attributes"]["ApproximateReceiveCount"], "1");
    let task = last_task(&endpoint).await;
    assert_eq!(task["Status"], "FAILED");
    assert_eq!(task["FailureReason"], "CouldNotDetermineMessageSource");

    endpoint.delete(&url, &back[0]).await.unwrap();
    endpoint
        .call("PurgeQueue", json!({"QueueUrl": dead_letters}))
        .await
        .unwrap();
    endpoint.send(&url, "poison").await;
    let_die(&endpoint, &url).await;
    endpoint.call("StartMessageMoveTask", source).await.unwrap();
    assert_eq!(bodies(&endpoint.receive(&url, 0).await), ["poison"]);
    let task = last_task(&endpoint).await;
    assert_eq!(task["Status"], "COMPLETED");
    assert_eq!(task["ApproximateNumberOfMessagesMoved"], 1);
}

async fn last_task(endpoint: &Endpoint) -> Value {
    let request = json!({"SourceArn": queue_arn("dead")});
    endpoint
        .call("ListMessageMoveTasks", request)
        .await
        .unwrap()["Results"][0]
        .clone()
}

#[tokio::test]
async fn only_a_dead_letter_queue_can_be_moved_from() {
    let endpoint = Endpoint::new();
    queue_and_dead_letters(&endpoint).await;
    for (source, code) in [
        (queue_arn("polls"), "InvalidParameterValue"),
        (queue_arn("absent"), "ResourceNotFoundException"),
        (
            queue_arn("dead").replace("sqs", "sns"),
            "ResourceNotFoundException",
        ),
    ] {
        let request = json!({"SourceArn": source});
        let refusal = endpoint.call("StartMessageMoveTask", request).await;
        assert_eq!(refusal.unwrap_err().code, code, "{source}");
    }
}
