//! The tables of a local cloud.

use bestow_embedded_aws::Tables;
use bestow_local::RunningCloud;
use serde_json::{Map, Value, json};

/// The tables of `cloud`.
pub fn of(cloud: &RunningCloud) -> Tables {
    Tables::at(cloud.dynamodb_endpoint())
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
    of(cloud).call("PutItem", &put).await;
}

/// The stored offer of an issuance, in DynamoDB's JSON.
pub async fn offer_of(cloud: &RunningCloud, correlation_id: &str) -> Value {
    let items = of(cloud).items(cloud.wallet_table()).await;
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
    of(cloud).call("UpdateItem", &update).await;
}
