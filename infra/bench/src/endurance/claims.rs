//! Whether claims are erased that nobody needs any more.

use std::time::{Duration, Instant};

use bestow_embedded_aws::Tables;
use bestow_local::RunningCloud;
use serde_json::{Value, json};

/// After the last issuance has ended, the last claims are erased within so much time.
const GONE_WITHIN: Duration = Duration::from_secs(10 * 60);
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Waits until no item has claims, or it is too late, and says how many items still have some.
pub(crate) async fn left(cloud: &RunningCloud) -> u64 {
    let tables = Tables::at(cloud.dynamodb_endpoint());
    let deadline = Instant::now() + GONE_WITHIN;
    loop {
        let mut left = 0;
        for table in cloud.table_names() {
            left += with_claims(&tables, table).await;
        }
        if left == 0 || Instant::now() > deadline {
            return left;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// How many items of a table have claims: those of an offer, or lines that are not started. All items are read, not
/// those of the index that purge-expired-claims reads.
async fn with_claims(tables: &Tables, table: &str) -> u64 {
    let request = json!({
        "TableName": table,
        "Select": "COUNT",
        "FilterExpression": "attribute_exists(encrypted_claims) OR attribute_exists(#lines)",
        "ExpressionAttributeNames": {"#lines": "lines"},
    });
    let pages = tables.pages("Scan", request).await;
    let counts = pages.iter().filter_map(|page| page.get("Count"));
    counts.filter_map(Value::as_u64).sum()
}
