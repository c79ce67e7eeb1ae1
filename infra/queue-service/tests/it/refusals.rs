//! What is refused, and by which names SDKs learn of it.

use axum::http::StatusCode;
use bestow_queue_service::queue_arn;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;

#[tokio::test]
async fn refusals_carry_the_codes_of_sqs() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    let absent = "http://queues.test/000000000000/absent";
    let entry = |id: &str| json!({"Id": id, "MessageBody": "x"});
    let large = |id: &str| json!({"Id": id, "MessageBody": "x".repeat(600_000)});
    const SQS: &str = "AWS.SimpleQueueService.";
    for (operation, request, code) in [
        ("GetQueueUrl", json!({}), "MissingParameter"),
        ("GetQueueUrl", json!({"QueueName": 1}), "MalformedInput"),
        ("GetQueueUrl", json!([]), "MalformedInput"),
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
            json!({"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g"}),
            "UnsupportedOperation",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "x", "MessageAttributes": {
                "a": {"DataType": "String", "StringValue": "b"},
            }}),
            "UnsupportedOperation",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "x", "MessageSystemAttributes": {
                "Colour": {"DataType": "String", "StringValue": "red"},
            }}),
            "MalformedInput",
        ),
        (
            "SendMessage",
            json!({"QueueUrl": url, "MessageBody": "x", "MessageSystemAttributes": {
                "AWSTraceHeader": {"DataType": "Number", "StringValue": "1"},
            }}),
            "MalformedInput",
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
            json!({"QueueUrl": url, "ReceiptHandle": "MS8y"}),
            "ReceiptHandleIsInvalid",
        ),
        (
            "DeleteMessage",
            json!({"QueueUrl": url}),
            "MissingParameter",
        ),
        (
            "CreateQueue",
            json!({"QueueName": "n"}),
            "UnsupportedOperation",
        ),
        (
            "SetQueueAttributes",
            json!({"QueueUrl": url, "Attributes": {}}),
            "UnsupportedOperation",
        ),
        ("Dance", json!({}), "InvalidAction"),
    ] {
        let refusal = endpoint.call(operation, request.clone()).await.unwrap_err();
        let plain = refusal.code.strip_prefix(SQS).unwrap_or(&refusal.code);
        assert_eq!(plain, code, "{operation}");
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST, "{operation}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_served_is_named() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    let request = json!({"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g"});
    let refusal = endpoint.call("SendMessage", request).await.unwrap_err();
    assert_eq!(refusal.shape, "com.amazonaws.sqs#UnsupportedOperation");
    assert!(refusal.message.contains("MessageGroupId"), "{refusal:?}");
    assert_eq!(endpoint.service.counts("polls").unwrap().visible, 0);
}

#[tokio::test]
async fn a_message_must_fit_its_queue() {
    let endpoint = Endpoint::new();
    let url = endpoint.queue("polls", json!({}));
    for (body, delay, accepted) in [
        ("x", 0, true),
        ("\u{1}", 0, false),
        ("\u{ffff}", 0, false),
        ("\u{1F600}\n", 0, true),
        ("x".repeat(1_048_576).as_str(), 0, true),
        ("x".repeat(1_048_577).as_str(), 0, false),
        ("x", 900, true),
        ("x", 901, false),
        ("x", -1, false),
    ] {
        let request = json!({"QueueUrl": url, "MessageBody": body, "DelaySeconds": delay});
        let sent = endpoint.call("SendMessage", request).await;
        assert_eq!(sent.is_ok(), accepted, "{} {delay}", body.len());
    }
}

#[tokio::test]
async fn attribute_values_out_of_range_are_refused_and_the_attribute_is_named() {
    let service = Endpoint::new().service;
    let absent = json!({"deadLetterTargetArn": queue_arn("absent"), "maxReceiveCount": 1});
    for (name, value) in [
        ("DelaySeconds", "901"),
        ("DelaySeconds", "-1"),
        ("DelaySeconds", "soon"),
        ("VisibilityTimeout", "43201"),
        ("MessageRetentionPeriod", "59"),
        ("MaximumMessageSize", "1048577"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("RedrivePolicy", "{}"),
        ("RedrivePolicy", &absent.to_string()),
        ("Colour", "red"),
        ("FifoQueue", "true"),
        ("QueueArn", "x"),
    ] {
        let refusal = service.create_queue("polls", [(name, value)]).unwrap_err();
        assert!(refusal.to_string().contains(name), "{refusal}");
    }
    assert!(service.queue_names().unwrap().is_empty());
}

#[tokio::test]
async fn queue_names_are_checked_as_sqs_does() {
    let service = Endpoint::new().service;
    for (name, legal) in [
        ("polls_1-a", true),
        ("polls.fifo", false),
        ("", false),
        ("with space", false),
        ("x".repeat(80).as_str(), true),
        ("x".repeat(81).as_str(), false),
    ] {
        let created = service.create_queue(name, [("DelaySeconds", "0")]);
        assert_eq!(created.is_ok(), legal, "{name}");
    }
}

#[test]
fn a_body_is_not_in_debug_output() {
    let message = bestow_queue_service::NewMessage::new("a claim");
    assert!(!format!("{message:?}").contains("claim"));
}

#[tokio::test]
async fn a_receipt_handle_of_another_queue_is_invalid() {
    let endpoint = Endpoint::new();
    let polls = endpoint.queue("polls", json!({}));
    let other = endpoint.queue("other", json!({}));
    endpoint.send(&polls, "x").await;
    let message: Value = endpoint.receive(&polls, 0).await.remove(0);
    let refusal = endpoint.delete(&other, &message).await.unwrap_err();
    assert_eq!(refusal.code, "ReceiptHandleIsInvalid");
}
