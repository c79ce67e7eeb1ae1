//! What is refused, and by which names SDKs learn of it.

use axum::http::StatusCode;
use queue_service::queue_arn;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;

#[tokio::test]
async fn refusals_carry_the_codes_of_sqs() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({})).await;
    let fifo = endpoint
        .queue("polls.fifo", json!({"FifoQueue": "true"}))
        .await;
    let absent = "http://queues.test/000000000000/absent";
    let entry = |id: &str| json!({"Id": id, "MessageBody": "x"});
    let large = |id: &str| json!({"Id": id, "MessageBody": "x".repeat(600_000)});
    let policy = |name: &str| {
        json!({"deadLetterTargetArn": queue_arn(name), "maxReceiveCount": 1}).to_string()
    };
    const SQS: &str = "AWS.SimpleQueueService.";
    for (operation, request, code) in [
        (
            "CreateQueue",
            json!({"QueueName": "a b"}),
            "InvalidParameterValue",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "n", "Attributes": {"Colour": "red"}}),
            "InvalidAttributeName",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "n", "Attributes": {"DelaySeconds": "901"}}),
            "InvalidAttributeValue",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "n", "Attributes": {"RedrivePolicy": policy("absent")}}),
            "InvalidParameterValue",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "n", "Attributes": {"RedrivePolicy": policy("polls.fifo")}}),
            "InvalidParameterValue",
        ),
        ("CreateQueue", json!({}), "MalformedInput"),
        (
            "SendMessage",
            json!({"MessageBody": "x"}),
            "MissingParameter",
        ),
        ("SendMessage", json!({"QueueUrl": url}), "MissingParameter"),
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": ""}),
            "MissingParameter",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "\u{0}"}),
            "InvalidMessageContents",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": fifo, "MessageBody": "x"}),
            "MissingParameter",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": fifo, "MessageBody": "x", "MessageGroupId": "g"}),
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": "polls", "MessageBody": "x"}),
            "InvalidAddress",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": absent, "MessageBody": "x"}),
            "NonExistentQueue",
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": []}),
            "EmptyBatchRequest",
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": vec![entry("a"); 11]}),
            "TooManyEntriesInBatchRequest",
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": [entry("a"), entry("a")]}),
            "BatchEntryIdsNotDistinct",
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": [entry("a b")]}),
            "InvalidBatchEntryId",
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": url, "Entries": [large("a"), large("b")]}),
            "BatchRequestTooLong",
        ),
        (
            "SendMessageBatch",
            json!({"QueueUrl": absent, "Entries": [entry("a")]}),
            "NonExistentQueue",
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": url, "MaxNumberOfMessages": 11}),
            "InvalidParameterValue",
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": url, "WaitTimeSeconds": 21}),
            "InvalidParameterValue",
        ),
        (
            "ReceiveMessage",
            json!({"QueueUrl": url, "VisibilityTimeout": 43_201}),
            "InvalidParameterValue",
        ),
        (
            "DeleteMessage",
            json!({"QueueUrl": url, "ReceiptHandle": "garbage"}),
            "ReceiptHandleIsInvalid",
        ),
        (
            "DeleteMessage",
            json!({"QueueUrl": url}),
            "MissingParameter",
        ),
        ("AddPermission", json!({}), "UnsupportedOperation"),
        ("Dance", json!({}), "InvalidAction"),
    ] {
        let refusal = endpoint.call(operation, request.clone()).await.unwrap_err();
        let plain = refusal.code.strip_prefix(SQS).unwrap_or(&refusal.code);
        assert_eq!(plain, code, "{operation}");
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{operation}");
    }
}

#[tokio::test]
async fn a_receipt_handle_of_another_queue_is_invalid() {
    let endpoint = Endpoint::new();
    let polls = endpoint.queue("polls", json!({})).await;
    let other = endpoint.queue("other", json!({})).await;
    endpoint.send(&polls, "x").await;
    let message: Value = endpoint.receive(&polls, 0).await.remove(0);
    let refusal = endpoint.delete(&other, &message).await.unwrap_err();
    assert_eq!(refusal.code, "ReceiptHandleIsInvalid");
}
