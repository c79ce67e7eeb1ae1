//! Queues themselves: create, list, change, purge, delete.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::endpoint::Endpoint;

#[tokio::test]
async fn creating_a_queue_again_compares_the_attributes_that_are_given() {
    let endpoint = Endpoint::new();
    let url = endpoint
        .queue("polls", json!({"VisibilityTimeout": "40"}))
        .await;
    assert_eq!(url, "http://queues.test/000000000000/polls");
    assert_eq!(endpoint.queue("polls", json!({})).await, url);
    assert_eq!(
        endpoint
            .queue("polls", json!({"VisibilityTimeout": "40"}))
            .await,
        url
    );
    for different in [
        json!({"VisibilityTimeout": "41"}),
        json!({"KmsMasterKeyId": "a"}),
    ] {
        let request = json!({"QueueName": "polls", "Attributes": different});
        let refusal = endpoint.call("CreateQueue", request).await.unwrap_err();
        assert_eq!(refusal.code, "QueueAlreadyExists", "{different}");
        assert_eq!(refusal.shape, "com.amazonaws.sqs#QueueNameExists");
    }
}

#[tokio::test]
async fn attributes_show_settings_counts_and_the_arn() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({"DelaySeconds": "5"})).await;
    endpoint.send(&url, "delayed").await;
    let change = json!({"QueueUrl": url, "Attributes": {"DelaySeconds": "0", "Policy": "{}"}});
    endpoint.call("SetQueueAttributes", change).await.unwrap();
    endpoint.send(&url, "visible").await;
    let names = [
        "DelaySeconds",
        "Policy",
        "QueueArn",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
    ];
    let shown = attributes(&endpoint, &url, json!(names)).await;
    assert_eq!(
        shown,
        json!({
            "DelaySeconds": "0", "Policy": "{}",
            "QueueArn": "arn:aws:sqs:us-east-1:000000000000:polls",
            "ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesDelayed": "1",
        })
    );
    let all = attributes(&endpoint, &url, json!(["All"])).await;
    assert_eq!(all["MaximumMessageSize"], "1048576");
    assert_eq!(all["CreatedTimestamp"], "1760000000");
    assert!(all.get("FifoQueue").is_none());
}

async fn attributes(endpoint: &Endpoint, url: &str, names: Value) -> Value {
    let request = json!({"QueueUrl": url, "AttributeNames": names});
    endpoint.call("GetQueueAttributes", request).await.unwrap()["Attributes"].clone()
}

#[tokio::test]
async fn queues_are_listed_by_prefix_and_page() {
    let endpoint = Endpoint::new();
    for name in ["b-2", "a_1", "axb", "b-1", "b-3"] {
        endpoint.queue(name, json!({})).await;
    }
    let list = async |request: Value| {
        let answer = endpoint.call("ListQueues", request).await.unwrap();
        let names: Vec<String> = answer["QueueUrls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect();
        (names.join(" "), answer.get("NextToken").cloned())
    };
    assert_eq!(list(json!({})).await, ("a_1 axb b-1 b-2 b-3".into(), None));
    // An underscore is a letter here, not a wildcard.
    assert_eq!(
        list(json!({"QueueNamePrefix": "a_"})).await,
        ("a_1".into(), None)
    );
    let (first, token) = list(json!({"QueueNamePrefix": "b", "MaxResults": 2})).await;
    let rest = list(json!({"QueueNamePrefix": "b", "MaxResults": 2, "NextToken": token})).await;
    assert_eq!((first.as_str(), rest), ("b-1 b-2", ("b-3".into(), None)));
}

#[tokio::test]
async fn tags_are_added_and_removed() {
    let endpoint = Endpoint::new();
    let request = json!({"QueueName": "polls", "tags": {"a": "1"}});
    let url = endpoint.call("CreateQueue", request).await.unwrap()["QueueUrl"].clone();
    let tags = json!({"QueueUrl": url, "Tags": {"b": "2", "c": "3"}});
    endpoint.call("TagQueue", tags).await.unwrap();
    let keys = json!({"QueueUrl": url, "TagKeys": ["a", "c"]});
    endpoint.call("UntagQueue", keys).await.unwrap();
    let tags = endpoint
        .call("ListQueueTags", json!({"QueueUrl": url}))
        .await
        .unwrap();
    assert_eq!(tags, json!({"Tags": {"b": "2"}}));
}

#[tokio::test]
async fn a_purge_takes_all_messages_and_a_deletion_the_queue() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({})).await;
    endpoint.send(&url, "in flight").await;
    endpoint.receive(&url, 0).await;
    endpoint.send(&url, "visible").await;
    endpoint
        .call("PurgeQueue", json!({"QueueUrl": url}))
        .await
        .unwrap();
    let counts = endpoint.service.counts("polls").unwrap();
    assert_eq!(counts, queue_service::MessageCounts::default());

    endpoint
        .call("DeleteQueue", json!({"QueueUrl": url}))
        .await
        .unwrap();
    let refusal = endpoint
        .call("GetQueueUrl", json!({"QueueName": "polls"}))
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "AWS.SimpleQueueService.NonExistentQueue");
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_learns_that_its_queue_is_deleted() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({})).await;
    let started = tokio::time::Instant::now();
    let poll = endpoint.call(
        "ReceiveMessage",
        json!({"QueueUrl": url, "WaitTimeSeconds": 20}),
    );
    let (answer, ()) = tokio::join!(poll, async {
        sleep(Duration::from_secs(1)).await;
        endpoint.service.delete_queue("polls").unwrap();
    });
    assert_eq!(
        answer.unwrap_err().code,
        "AWS.SimpleQueueService.NonExistentQueue"
    );
    assert_eq!(started.elapsed().as_secs(), 1);
}
