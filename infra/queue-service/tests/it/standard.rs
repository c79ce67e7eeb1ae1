//! Standard queues: delays, visibility, long polls, attributes, batches.

use std::time::Duration;

use bestow_queue_service::{NewMessage, QueueService, Receive};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::endpoint::{Endpoint, bodies};

#[tokio::test(start_paused = true)]
async fn a_delayed_message_is_hidden_and_wakes_a_long_poll_when_it_is_due() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    let message = json!({"QueueUrl": url, "MessageBody": "later", "DelaySeconds": 7});
    endpoint.call("SendMessage", message).await.unwrap();
    assert!(endpoint.receive(&url, 0).await.is_empty());

    let started = Instant::now();
    assert_eq!(bodies(&endpoint.receive(&url, 20).await), ["later"]);
    assert_eq!(started.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_queues_own_delay_and_wait_apply_where_a_request_says_nothing() {
    let endpoint = Endpoint::new();
    let attributes = json!({"DelaySeconds": "3", "ReceiveMessageWaitTimeSeconds": "5"});
    let url = endpoint.queue("polls", attributes);
    endpoint.send(&url, "x").await;
    let now = json!({"QueueUrl": url, "MessageBody": "now", "DelaySeconds": 0});
    endpoint.call("SendMessage", now).await.unwrap();

    let started = Instant::now();
    let first = endpoint.receive_with(json!({"QueueUrl": url})).await;
    let second = endpoint.receive_with(json!({"QueueUrl": url})).await;
    assert_eq!((bodies(&first), bodies(&second)), (vec!["now"], vec!["x"]));
    assert_eq!(started.elapsed().as_secs(), 3);
    assert!(
        endpoint
            .receive_with(json!({"QueueUrl": url}))
            .await
            .is_empty()
    );
    assert_eq!(started.elapsed().as_secs(), 3 + 5);
}

#[tokio::test(start_paused = true)]
async fn a_send_wakes_a_long_poll_at_once() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    let sender = {
        let (endpoint, url) = (endpoint.clone(), url.clone());
        tokio::spawn(async move {
            sleep(Duration::from_secs(4)).await;
            endpoint.send(&url, "now").await;
        })
    };
    let started = Instant::now();
    assert_eq!(bodies(&endpoint.receive(&url, 20).await), ["now"]);
    assert_eq!(started.elapsed().as_secs(), 4);
    sender.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_send_with_an_earlier_due_time_shortens_the_sleep_of_a_long_poll() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    let delayed = |seconds: u32| json!({"QueueUrl": url, "MessageBody": seconds.to_string(), "DelaySeconds": seconds});
    endpoint.call("SendMessage", delayed(15)).await.unwrap();
    let started = Instant::now();
    let poll = endpoint.receive(&url, 20);
    let send = async {
        sleep(Duration::from_secs(1)).await;
        endpoint.call("SendMessage", delayed(2)).await.unwrap();
    };
    let (received, ()) = tokio::join!(poll, send);
    assert_eq!(bodies(&received), ["2"]);
    assert_eq!(started.elapsed().as_secs(), 1 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_deleted_comes_back_with_a_higher_receive_count() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({"VisibilityTimeout": "40"}));
    endpoint.send(&url, "x").await;
    let first = endpoint.receive(&url, 0).await;
    assert!(endpoint.receive(&url, 0).await.is_empty());
    sleep(Duration::from_secs(30)).await;

    let second = endpoint.receive(&url, 20).await;
    let attributes = |messages: &[serde_json::Value]| messages[0]["Attributes"].clone();
    let (first_attributes, second_attributes) = (attributes(&first), attributes(&second));
    assert_eq!(first_attributes["ApproximateReceiveCount"], "1");
    assert_eq!(second_attributes["ApproximateReceiveCount"], "2");
    for unchanged in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        assert_eq!(first_attributes[unchanged], second_attributes[unchanged]);
    }

    endpoint.delete(&url, &first[0]).await.unwrap();
    let counts = endpoint.service.counts("polls").unwrap();
    assert_eq!(
        counts.not_visible, 1,
        "an older receipt handle must not delete"
    );
    endpoint.delete(&url, &second[0]).await.unwrap();
    endpoint.delete(&url, &second[0]).await.unwrap();
    assert_eq!(endpoint.service.counts("polls").unwrap().not_visible, 0);
}

#[tokio::test(start_paused = true)]
async fn visibility_can_be_given_back_extended_and_not_changed_once_it_is_over() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({"VisibilityTimeout": "10"}));
    endpoint.send(&url, "x").await;
    let change = |handle: serde_json::Value, seconds: u32| {
        let request =
            json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
        let endpoint = endpoint.clone();
        async move { endpoint.call("ChangeMessageVisibility", request).await }
    };

    let message = endpoint.receive(&url, 0).await.remove(0);
    change(message["ReceiptHandle"].clone(), 0).await.unwrap();
    let message = endpoint.receive(&url, 0).await.remove(0);
    change(message["ReceiptHandle"].clone(), 60).await.unwrap();
    sleep(Duration::from_secs(59)).await;
    assert!(endpoint.receive(&url, 0).await.is_empty());
    sleep(Duration::from_secs(1)).await;
    let refusal = change(message["ReceiptHandle"].clone(), 5)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "AWS.SimpleQueueService.MessageNotInflight");
    endpoint.delete(&url, &message).await.unwrap();
    let refusal = change(message["ReceiptHandle"].clone(), 5)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, "InvalidParameterValue");
}

#[tokio::test]
async fn a_message_carries_its_trace_to_those_who_ask_for_it() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
    let header = json!({"DataType": "String", "StringValue": trace});
    let message = json!({
        "QueueUrl": url, "MessageBody": "derp",
        "MessageSystemAttributes": {"AWSTraceHeader": header},
    });
    let sent = endpoint.call("SendMessage", message).await.unwrap();
    // The digest that AWS gave, as recorded by moto's tests (`test_message_send_with_attributes`).
    assert_eq!(sent["MD5OfMessageBody"], "58fd9edd83341c29f1aebba81c31e257");
    let entry = json!({
        "Id": "a", "MessageBody": "batched",
        "MessageSystemAttributes": {"AWSTraceHeader": header},
    });
    let batch = json!({"QueueUrl": url, "Entries": [entry]});
    endpoint.call("SendMessageBatch", batch).await.unwrap();

    let receive = async |names: serde_json::Value| {
        let request = json!({
            "QueueUrl": url, "VisibilityTimeout": 0, "MaxNumberOfMessages": 10,
            "MessageSystemAttributeNames": names,
        });
        endpoint.receive_with(request).await
    };
    let messages = receive(json!(["AWSTraceHeader"])).await;
    assert_eq!(messages.len(), 2);
    for message in &messages {
        assert_eq!(message["Attributes"], json!({"AWSTraceHeader": trace}));
    }
    assert_eq!(messages[0]["MD5OfBody"], sent["MD5OfMessageBody"]);
    for message in receive(json!([])).await {
        assert_eq!(message["Attributes"], json!({}));
    }
}

#[tokio::test]
async fn the_entries_of_a_batch_succeed_and_fail_one_by_one() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    let sent = endpoint
        .call(
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": [
                {"Id": "a", "MessageBody": "one"},
                {"Id": "b", "MessageBody": "two", "DelaySeconds": 901},
                {"Id": "c", "MessageBody": "three"},
            ]}),
        )
        .await
        .unwrap();
    let ids = |list: &serde_json::Value| {
        list.as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["Id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&sent["Successful"]), ["a", "c"]);
    assert_eq!(sent["Failed"][0]["Id"], "b");
    assert_eq!(sent["Failed"][0]["Code"], "InvalidParameterValue");
    assert_eq!(sent["Failed"][0]["SenderFault"], true);

    assert_eq!(bodies(&endpoint.receive(&url, 0).await), ["one", "three"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_dropped_when_its_retention_period_is_over() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({"MessageRetentionPeriod": "60"}));
    endpoint.send(&url, "old").await;
    sleep(Duration::from_secs(59)).await;
    endpoint.send(&url, "new").await;
    assert_eq!(endpoint.service.counts("polls").unwrap().visible, 2);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(endpoint.service.counts("polls").unwrap().visible, 1);
    assert_eq!(bodies(&endpoint.receive(&url, 0).await), ["new"]);
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_is_dropped_takes_no_message() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    let waited = tokio::time::timeout(Duration::from_secs(1), endpoint.receive(&url, 20)).await;
    assert!(waited.is_err());
    endpoint.send(&url, "x").await;
    assert_eq!(bodies(&endpoint.receive(&url, 0).await), ["x"]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_forward_ends_delays_and_wakes_who_waits_for_them() {
    let queues = QueueService::in_memory().unwrap();
    queues
        .create_queue("polls", [("VisibilityTimeout", "180")])
        .unwrap();
    assert_eq!(queues.until_next_due().unwrap(), None);
    let mut message = NewMessage::new("later");
    message.delay = Some(Duration::from_secs(600));
    queues.send("polls", &message).unwrap();
    assert!(queues.until_next_due().unwrap().unwrap() > Duration::from_secs(500));

    let waiting = {
        let queues = queues.clone();
        tokio::spawn(async move {
            let how = Receive {
                max_messages: 1,
                wait: Some(Duration::from_secs(20)),
                visibility_timeout: None,
            };
            queues.receive("polls", how).await.unwrap()
        })
    };
    tokio::task::yield_now().await;
    queues.let_pass(Duration::from_secs(600));
    assert_eq!(waiting.await.unwrap().len(), 1);
    // It is in flight now.
    assert!(queues.until_next_due().unwrap().unwrap() > Duration::from_secs(100));
    queues.let_pass(Duration::from_secs(180));
    assert_eq!(queues.until_next_due().unwrap(), Some(Duration::ZERO));
}
