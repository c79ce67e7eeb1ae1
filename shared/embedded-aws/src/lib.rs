//! Embedded services that speak the APIs of AWS, for tests.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "only tests use it"
)]

mod busy;
mod tables;

pub use busy::busy;
pub use tables::Tables;

use bestow_runtime::Env;
use dynoxide::Database;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A function's environment whose clients of one service are led to `endpoint` by `variable`.
pub fn env(variable: &str, endpoint: &str) -> Env {
    Env::from_iter([
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        (variable, endpoint),
    ])
}

/// A free port of the loopback interface, and its URL.
pub async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (listener, endpoint)
}

/// What makes a table with the keys `pk` and `sk`.
pub fn create_table(table: &str) -> Value {
    json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    })
}

/// Serves the empty table that `create` makes; the URL of its DynamoDB.
pub async fn dynamodb(create: Value) -> String {
    let (listener, endpoint) = listener().await;
    let database = Database::memory().unwrap();
    database
        .create_table(serde_json::from_value(create).unwrap())
        .unwrap();
    tokio::spawn(dynoxide::server::serve_with_shutdown(
        listener,
        database,
        std::future::pending::<()>(),
    ));
    endpoint
}

/// Serves an empty table of jobs; the URL of its DynamoDB.
pub async fn job_tables(table: &str) -> String {
    dynamodb(json!({
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "first_line", "AttributeType": "N"},
            {"AttributeName": "erase_shard", "AttributeType": "N"},
            {"AttributeName": "erase_at_seconds", "AttributeType": "N"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "LocalSecondaryIndexes": [{
            "IndexName": "progress",
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "first_line", "KeyType": "RANGE"},
            ],
            "Projection": {
                "ProjectionType": "INCLUDE",
                "NonKeyAttributes": ["line_count", "started", "failed", "is_open"],
            },
        }],
        "GlobalSecondaryIndexes": [{
            "IndexName": "lines-to-erase",
            "KeySchema": [
                {"AttributeName": "erase_shard", "KeyType": "HASH"},
                {"AttributeName": "erase_at_seconds", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }],
    }))
    .await
}
