//! Queues themselves: create, find, change, purge.

use serde_json::{Value, json};

use crate::endpoint::Endpoint;

#[tokio::test]
async fn creating_a_queue_again_sets_the_attributes_that_are_given_and_keeps_its_messages() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue(
        "polls",
        json!({"VisibilityTimeout": "40", "DelaySeconds": "5"}),
    );
    endpoint.send(&url, "delayed").await;
    endpoint.queue("polls", json!({"VisibilityTimeout": "41"}));
    let names = json!(["VisibilityTimeout", "DelaySeconds"]);
    assert_eq!(
        attributes(&endpoint, &url, names).await,
        json!({"VisibilityTimeout": "41", "DelaySeconds": "5"})
    );
    assert_eq!(endpoint.service.counts("polls").unwrap().delayed, 1);
}

#[tokio::test]
async fn a_redrive_policy_is_read_shown_and_removed() {
    let endpoint = Endpoint::new();
    endpoint.queue("dead", json!({}));
    let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:dead","maxReceiveCount":"5"}"#;
    let url = endpoint.queue("polls", json!({"RedrivePolicy": policy}));
    let shown = attributes(&endpoint, &url, json!(["RedrivePolicy"])).await;
    let shown: Value = serde_json::from_str(shown["RedrivePolicy"].as_str().unwrap()).unwrap();
    let arn = bestow_queue_service::queue_arn("dead");
    assert_eq!(
        shown,
        json!({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    );
    endpoint.queue("polls", json!({"RedrivePolicy": ""}));
    let none = attributes(&endpoint, &url, json!(["RedrivePolicy"])).await;
    assert_eq!(none, json!({}));
}

#[tokio::test]
async fn attributes_show_settings_counts_and_the_arn() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({"DelaySeconds": "5"}));
    endpoint.send(&url, "delayed").await;
    endpoint.queue("polls", json!({"DelaySeconds": "0"}));
    endpoint.send(&url, "visible").await;
    let names = [
        "DelaySeconds",
        "QueueArn",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
    ];
    let shown = attributes(&endpoint, &url, json!(names)).await;
    assert_eq!(
        shown,
        json!({
            "DelaySeconds": "0",
            "QueueArn": "arn:aws:sqs:us-east-1:000000000000:polls",
            "ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesDelayed": "1",
        })
    );
    let all = attributes(&endpoint, &url, json!(["All"])).await;
    assert_eq!(all["MaximumMessageSize"], "1048576");
    assert_eq!(all["ApproximateNumberOfMessagesNotVisible"], "0");
}

async fn attributes(endpoint: &Endpoint, url: &str, names: Value) -> Value {
    let request = json!({"QueueUrl": url, "AttributeNames": names});
    endpoint.call("GetQueueAttributes", request).await.unwrap()["Attributes"].clone()
}

#[tokio::test]
async fn queues_are_found_by_name() {
    let endpoint = Endpoint::new();
    for name in ["b", "a"] {
        endpoint.queue(name, json!({}));
    }
    let found = endpoint.call("GetQueueUrl", json!({"QueueName": "b"}));
    let url = "http://queues.test/000000000000/b";
    assert_eq!(found.await.unwrap(), json!({"QueueUrl": url}));
    assert_eq!(endpoint.service.queue_names().unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn a_purge_takes_all_messages() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    endpoint.send(&url, "in flight").await;
    endpoint.receive(&url, 0).await;
    endpoint.send(&url, "visible").await;
    endpoint
        .call("PurgeQueue", json!({"QueueUrl": url}))
        .await
        .unwrap();
    let counts = endpoint.service.counts("polls").unwrap();
    assert_eq!(counts, bestow_queue_service::MessageCounts::default());
}
