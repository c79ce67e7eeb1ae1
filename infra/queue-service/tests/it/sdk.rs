//! The endpoint as the AWS SDK sees it, over a socket.

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::ProvideErrorMetadata as _,
    types::{
        MessageSystemAttributeName, MessageSystemAttributeNameForSends as NameForSends,
        MessageSystemAttributeValue,
    },
};
use bestow_queue_service::QueueService;
use tokio::net::TcpListener;

/// A client of a service in memory, and the URL of a queue in it.
async fn client_and_queue() -> (Client, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = QueueService::in_memory().unwrap();
    service
        .create_queue("polls", [("VisibilityTimeout", "30")])
        .unwrap();
    let url = format!("{endpoint}/000000000000/polls");
    tokio::spawn(async move { service.serve(listener).await });
    let client = Client::from_conf(
        aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "test"))
            .endpoint_url(endpoint)
            .build(),
    );
    (client, url)
}

#[tokio::test]
async fn the_sdk_sends_receives_and_deletes() {
    let (client, url) = client_and_queue().await;
    let body = "h\u{e9}llo \u{1F600} {\"a\":1}";
    let trace = MessageSystemAttributeValue::builder()
        .data_type("String")
        .string_value("Root=1-5759e988-bd862e3fe1be46a994272793")
        .build();
    let sent = client
        .send_message()
        .queue_url(&url)
        .message_body(body)
        .message_system_attributes(NameForSends::AwsTraceHeader, trace.unwrap())
        .send()
        .await
        .unwrap();
    let received = client
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(5)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap();
    let message = &received.messages()[0];
    assert_eq!(message.body(), Some(body));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    let trace = &message.attributes().unwrap()[&MessageSystemAttributeName::AwsTraceHeader];
    assert_eq!(trace, "Root=1-5759e988-bd862e3fe1be46a994272793");
    let handle = message.receipt_handle().unwrap();
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(handle)
        .send()
        .await
        .unwrap();

    let batch = client
        .send_message_batch()
        .queue_url(&url)
        .set_entries(Some(
            (0..3)
                .map(|index| {
                    aws_sdk_sqs::types::SendMessageBatchRequestEntry::builder()
                        .id(index.to_string())
                        .message_body("x")
                        .delay_seconds(if index == 0 { 901 } else { 0 })
                        .build()
                        .unwrap()
                })
                .collect(),
        ))
        .send()
        .await
        .unwrap();
    assert_eq!(batch.successful().len(), 2);
    assert_eq!(batch.failed()[0].code(), "InvalidParameterValue");
}

#[tokio::test]
async fn the_sdk_knows_the_errors_as_its_own_types() {
    let (client, url) = client_and_queue().await;
    let absent = url.replace("polls", "absent");
    let error = client
        .get_queue_url()
        .queue_name("absent")
        .send()
        .await
        .unwrap_err();
    assert!(error.as_service_error().unwrap().is_queue_does_not_exist());
    let error = client
        .send_message()
        .queue_url(absent)
        .message_body("x")
        .send()
        .await
        .unwrap_err();
    assert!(error.as_service_error().unwrap().is_queue_does_not_exist());
    assert_eq!(error.message(), Some("The specified queue does not exist."));
    let error = client
        .tag_queue()
        .queue_url(&url)
        .tags("a", "1")
        .send()
        .await
        .unwrap_err();
    let error = error.as_service_error().unwrap();
    assert!(error.is_unsupported_operation());
    let error = client
        .delete_message()
        .queue_url(&url)
        .receipt_handle("garbage")
        .send()
        .await
        .unwrap_err();
    assert!(
        error
            .as_service_error()
            .unwrap()
            .is_receipt_handle_is_invalid()
    );
    let error = client
        .send_message_batch()
        .queue_url(&url)
        .send()
        .await
        .unwrap_err();
    assert!(error.as_service_error().unwrap().is_empty_batch_request());
}
