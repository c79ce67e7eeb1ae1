//! The tables of a local cloud, spoken to in the JSON protocol of DynamoDB.

use bestow_local::RunningCloud;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::backend::http_client;

/// A client of the embedded DynamoDB.
pub struct Tables {
    http: reqwest::Client,
    endpoint: String,
}

impl Tables {
    pub fn of(cloud: &RunningCloud) -> Self {
        Self {
            http: http_client(),
            endpoint: cloud.dynamodb_endpoint().to_owned(),
        }
    }

    /// One operation; it must succeed.
    pub async fn call(&self, operation: &str, body: &Value) -> Value {
        let request = self
            .http
            .post(&self.endpoint)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            // The embedded table wants a signature and does not look at it.
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
            .header("x-amz-date", "20260101T000000Z")
            .body(body.to_string());
        Answer::to(request).await.expect(200).body
    }

    /// Every item of a table, in DynamoDB's JSON.
    pub async fn items(&self, table: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut request = json!({"TableName": table, "ConsistentRead": true});
        loop {
            let mut page = self.call("Scan", &request).await;
            if let Value::Array(some) = page["Items"].take() {
                items.extend(some);
            }
            match page["LastEvaluatedKey"].take() {
                Value::Null => return items,
                last => request["ExclusiveStartKey"] = last,
            }
        }
    }
}

/// The name of the table of jobs.
pub fn job_table(cloud: &RunningCloud) -> &str {
    let environment = cloud.function_environment("purge-expired-claims");
    &environment.expect("it has one")["JOB_TABLE"]
}

/// Puts a chunk of a job whose line nobody has started, and whose claims are due.
pub async fn put_due_chunk(cloud: &RunningCloud) {
    let chunk = json!({
        "pk": {"S": "job#6b9c5d3e-3f0a-4d0c-9c55-0a4d6a4f2b10"},
        "sk": {"S": "chunk#00000001"},
        "lines": {"B": "AAAA"},
        "erase_shard": {"N": "0"},
        "erase_at_seconds": {"N": "0"},
    });
    let put = json!({"TableName": job_table(cloud), "Item": chunk});
    Tables::of(cloud).call("PutItem", &put).await;
}

/// The stored offer of an issuance, in DynamoDB's JSON.
pub async fn offer_of(cloud: &RunningCloud, correlation_id: &str) -> Value {
    let items = Tables::of(cloud).items(cloud.wallet_table()).await;
    items
        .into_iter()
        .find(|item| item["correlation_id"]["S"] == correlation_id)
        .unwrap_or_else(|| panic!("no offer of {correlation_id}"))
}

/// Makes the stored offer of an issuance as it would be had everything happened an hour ago, claims and all:
/// functions go by the time of day, and no test waits for it.
pub async fn an_hour_later(cloud: &RunningCloud, correlation_id: &str) {
    let offer = offer_of(cloud, correlation_id).await;
    let times = offer
        .as_object()
        .expect("an item")
        .iter()
        // Which offer of its name it is, and so the key of its claims, is said by this one.
        .filter(|(name, _)| name.ends_with("_seconds") && *name != "created_at_seconds");
    let mut values = Map::new();
    let mut changes = Vec::new();
    for (name, value) in times {
        let time: i64 = value["N"].as_str().expect("a number").parse().unwrap();
        values.insert(format!(":{name}"), json!({"N": (time - 3600).to_string()}));
        changes.push(format!("{name} = :{name}"));
    }
    let update = json!({
        "TableName": cloud.wallet_table(),
        "Key": {"pk": offer["pk"], "sk": offer["sk"]},
        "UpdateExpression": format!("SET {}", changes.join(", ")),
        "ExpressionAttributeValues": values,
    });
    Tables::of(cloud).call("UpdateItem", &update).await;
}
