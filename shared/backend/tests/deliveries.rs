//! The table of deliveries and the webhook queue against embedded services that speak the real APIs.
#![cfg(test)]

use aws_sdk_dynamodb::types::AttributeValue;
use bestow_aws::sdk::Sdk;
use bestow_backend::{DeliveryTable, WebhookQueue};
use bestow_contract::{CorrelationId, Stage, Status};
use bestow_embedded_aws::{create_table, dynamodb, env, listener};
use bestow_queue_service::{QueueService, Receive};
use bestow_webhooks::ports::{
    Deliveries, DeliveryMessage, Subscriptions, Update, WebhookQueue as _,
};
use bestow_webhooks::{CallbackUrl, Delivery, DeliveryId, State, SubscriptionId};
use jiff::Timestamp;
use uuid::Uuid;

async fn table() -> DeliveryTable {
    DeliveryTable::new(sdk().await.dynamodb(), "deliveries")
}

async fn sdk() -> Sdk {
    let endpoint = dynamodb(create_table("deliveries")).await;
    Sdk::from_env(&env("AWS_ENDPOINT_URL_DYNAMODB", &endpoint)).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn correlation_id(name: &str) -> CorrelationId {
    name.parse().unwrap()
}

fn id(issuance: &str, sequence: u64, subscription: SubscriptionId) -> DeliveryId {
    DeliveryId {
        correlation_id: correlation_id(issuance),
        reserved_at: now(),
        sequence,
        subscription,
    }
}

fn stored(id: DeliveryId) -> Delivery {
    Delivery {
        write_id: Uuid::new_v4(),
        id,
        url: CallbackUrl::new("https://backend.example/hook"),
        body: "{}".to_owned(),
        status: Status::IssueRequestCreated,
        stage: Some(Stage::OfferCreated),
        created_at: now(),
        state: State::Pending { due_at: now() },
        attempt: 0,
        run_began_at: now(),
        run_attempts: 0,
        replays: 0,
        attempts: Vec::new(),
    }
}

#[tokio::test]
async fn a_delivery_is_made_once_and_changed_by_whoever_knows_it() {
    let table = table().await;
    let id = id("a", 1, SubscriptionId::Issuance);
    assert_eq!(table.get(&id).await.unwrap(), None);
    let mine = stored(id.clone());
    assert_eq!(table.create(&mine).await.unwrap(), Update::Done);
    assert_eq!(table.create(&mine).await.unwrap(), Update::Done, "mine");
    let theirs = stored(id.clone());
    assert_eq!(
        table.create(&theirs).await.unwrap(),
        Update::Overtaken(Box::new(mine.clone()))
    );

    let mut after = stored(id.clone());
    after.state = State::Delivered;
    assert_eq!(
        table.update(theirs.write_id, &after).await.unwrap(),
        Update::Overtaken(Box::new(mine.clone()))
    );
    assert_eq!(
        table.update(mine.write_id, &after).await.unwrap(),
        Update::Done
    );
    assert_eq!(
        table.update(mine.write_id, &after).await.unwrap(),
        Update::Done,
        "failed, but mine"
    );
    assert_eq!(table.get(&id).await.unwrap(), Some(after.clone()));
    let unknown = stored(DeliveryId { sequence: 9, ..id });
    assert_eq!(
        table.update(after.write_id, &unknown).await.unwrap(),
        Update::Gone
    );
}

#[tokio::test]
async fn deliveries_are_listed_in_the_order_of_the_changes() {
    let table = table().await;
    let account = SubscriptionId::of_account("https://all.example");
    for (issuance, sequence, subscription) in [
        ("a", 10, SubscriptionId::Issuance),
        ("a", 2, SubscriptionId::Issuance),
        ("a", 2, account),
        ("b", 1, account),
    ] {
        table
            .create(&stored(id(issuance, sequence, subscription)))
            .await
            .unwrap();
    }
    table
        .end(&id("a", 2, SubscriptionId::Issuance), now())
        .await
        .unwrap();
    let listed = table.of_issuance(&correlation_id("a")).await.unwrap();
    let sequences: Vec<u64> = listed
        .into_iter()
        .map(|delivery| delivery.unwrap().id.sequence)
        .collect();
    assert_eq!(sequences, [2, 2, 10]);
    assert!(
        table
            .of_issuance(&correlation_id("c"))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_hides_no_other() {
    let client = sdk().await.dynamodb();
    let table = DeliveryTable::new(client.clone(), "deliveries");
    for sequence in [1, 2] {
        let one = stored(id("a", sequence, SubscriptionId::Issuance));
        table.create(&one).await.unwrap();
    }
    let string = |text: &str| AttributeValue::S(text.to_owned());
    client
        .put_item()
        .table_name("deliveries")
        .item("pk", string("issuance#a"))
        .item("sk", string("delivery#001800000000000#0000000001#garbled"))
        .send()
        .await
        .unwrap();
    let listed = table.of_issuance(&correlation_id("a")).await.unwrap();
    let read: Vec<bool> = listed.iter().map(Result::is_ok).collect();
    assert_eq!(read, [true, false, true]);
}

#[tokio::test]
async fn an_ended_subscription_is_found_with_its_deliveries() {
    let table = table().await;
    let account = SubscriptionId::of_account("https://all.example");
    let ids = [
        id("a", 1, SubscriptionId::Issuance),
        id("a", 1, account),
        id("b", 1, SubscriptionId::Issuance),
        id("b", 1, account),
        id("c", 1, account),
    ];
    for id in &ids[..4] {
        table.create(&stored(id.clone())).await.unwrap();
    }
    let ended = async || {
        let mut found = table.get_many(&ids).await.unwrap();
        assert_eq!(found.len(), 4, "one does not exist");
        let each = ids.iter().take(4);
        each.map(|id| found.remove(id).unwrap().unwrap().subscription_ended)
            .collect::<Vec<_>>()
    };
    assert_eq!(ended().await, [false; 4]);
    table.end(&ids[0], now()).await.unwrap();
    assert_eq!(ended().await, [true, false, false, false]);
    table.end(&ids[1], now()).await.unwrap();
    table.end(&ids[3], now()).await.unwrap();
    assert_eq!(ended().await, [true, true, false, true]);
    table.resume(&ids[3]).await.unwrap();
    table.resume(&ids[3]).await.unwrap();
    assert_eq!(ended().await, [true, false, false, false]);
}

#[tokio::test]
async fn a_message_has_an_id_and_an_attempt_and_no_more() {
    let queues = QueueService::in_memory().unwrap();
    queues
        .create_queue("webhooks", [("DelaySeconds", "0")])
        .unwrap();
    let (listener, endpoint) = listener().await;
    tokio::spawn({
        let queues = queues.clone();
        async move { queues.serve(listener).await }
    });
    let sdk = Sdk::from_env(&env("AWS_ENDPOINT_URL_SQS", &endpoint)).unwrap();
    let url = sdk
        .sqs()
        .get_queue_url()
        .queue_name("webhooks")
        .send()
        .await;
    let queue = WebhookQueue::new(sdk.sqs(), &url.unwrap().queue_url.unwrap());

    let message = DeliveryMessage {
        delivery_id: id("a", 1, SubscriptionId::Issuance),
        attempt: 3,
    };
    queue
        .send(&message, std::time::Duration::ZERO)
        .await
        .unwrap();
    let how = Receive {
        max_messages: 10,
        wait: None,
        visibility_timeout: None,
    };
    let received = queues.receive("webhooks", how).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&received[0].body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({"delivery_id": message.delivery_id.to_string(), "attempt": 3})
    );
}
