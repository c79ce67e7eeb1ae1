//! Whether claims are gone that nobody needs any more.

use std::time::{Duration, Instant};

use bestow_local::RunningCloud;
use reqwest::Client;
use serde_json::{Value, json};

use crate::Failure;

/// When the last claims must be gone after the last issuance has ended: in ten minutes, of which two are for the
/// schedule of purge-expired-claims and its run.
const GONE_WITHIN: Duration = Duration::from_secs(10 * 60);
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Waits until no item has claims, or it is too late, and says how many items still have some.
pub(crate) async fn left(cloud: &RunningCloud) -> Result<u64, Failure> {
    let client = Client::new();
    let deadline = Instant::now() + GONE_WITHIN;
    loop {
        let mut left = 0;
        for table in cloud.table_names() {
            left += with_claims(&client, cloud.dynamodb_endpoint(), table).await?;
        }
        if left == 0 || Instant::now() > deadline {
            return Ok(left);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// How many items of a table have claims: those of an offer, or of lines that are not started. It is not asked by
/// what purge-expired-claims finds them by, without which they would stay.
async fn with_claims(client: &Client, endpoint: &str, table: &str) -> Result<u64, Failure> {
    let mut request = json!({
        "TableName": table,
        "Select": "COUNT",
        "FilterExpression": "attribute_exists(encrypted_claims) OR attribute_exists(#lines)",
        "ExpressionAttributeNames": {"#lines": "lines"},
    });
    let mut count = 0;
    loop {
        let page = client
            .post(endpoint)
            .header("x-amz-target", "DynamoDB_20120810.Scan")
            .header("content-type", "application/x-amz-json-1.0")
            // The embedded table wants a signature and does not look at it.
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, \
                 SignedHeaders=host, Signature=0",
            )
            .header("x-amz-date", "20260101T000000Z")
            .body(request.to_string());
        let page = page.send().await?.error_for_status()?;
        let mut page: Value = page.json().await?;
        count += page
            .get("Count")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        match page.get_mut("LastEvaluatedKey").map(Value::take) {
            None | Some(Value::Null) => return Ok(count),
            Some(last) => {
                if let Some(members) = request.as_object_mut() {
                    members.insert("ExclusiveStartKey".to_owned(), last);
                }
            }
        }
    }
}
