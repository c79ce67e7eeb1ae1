//! The tables, looked into and moved in time, in DynamoDB's own JSON.

use serde_json::{Map, Value, json};

/// A client of the embedded DynamoDB that does not go through the proxy.
pub struct Tables {
    http: reqwest::Client,
    endpoint: String,
    /// By name, with the attributes of their keys.
    tables: Vec<(String, Vec<String>)>,
    /// A moment that is not moved, besides those that never are.
    kept: Option<&'static str>,
}

/// Who may do what is no part of any flow, and does not get older.
const UNTOUCHED: &str = "AccessTable";

/// Moments that are never moved: the first is also part of what codes and tokens are sealed with; the second
/// is what readers were told, and nothing depends on it.
const KEPT: [&str; 2] = ["created_at_seconds", "last_updated_ms"];

/// When an issuance was reserved: what is given up depends on it where a wallet does not answer, and the name of its
/// subscription, which may have ended.
pub const RESERVED_AT: &str = "reserved_at_ms";

/// A number below this is no moment of our days in seconds, one above the other none in anything but
/// milliseconds.
const LEAST_SECONDS: i64 = 1_000_000_000;
const LEAST_MS: i64 = 100_000_000_000;

impl Tables {
    pub async fn new<'a>(
        endpoint: &str,
        names: impl Iterator<Item = &'a str>,
        kept: Option<&'static str>,
    ) -> Self {
        let mut tables = Self {
            http: reqwest::Client::new(),
            endpoint: endpoint.to_owned(),
            tables: Vec::new(),
            kept,
        };
        for name in names.filter(|name| *name != UNTOUCHED) {
            let table = tables
                .call("DescribeTable", json!({"TableName": name}))
                .await;
            let keys = table["Table"]["KeySchema"]
                .as_array()
                .expect("a key schema");
            let keys = keys
                .iter()
                .map(|key| key["AttributeName"].as_str().expect("a name"));
            let keys = keys.map(str::to_owned).collect();
            tables.tables.push((name.to_owned(), keys));
        }
        tables
    }

    /// All items of a table.
    pub async fn items(&self, table: &str) -> Vec<Value> {
        let request = json!({"TableName": table, "ConsistentRead": true});
        let found = self.call("Scan", request).await;
        found["Items"].as_array().cloned().unwrap_or_default()
    }

    /// How many items of a table have a sort key that begins so.
    pub async fn count(&self, table: &str, sk_prefix: &str) -> usize {
        let items = self.items(table).await;
        let begins = |item: &&Value| text(item, "sk").starts_with(sk_prefix);
        items.iter().filter(begins).count()
    }

    /// Moves every moment that is stored into the past: to whoever reads it, that much time has passed.
    /// Each item by one update, so that no write of a function is undone.
    pub async fn let_pass(&self, seconds: i64) {
        for (table, keys) in &self.tables {
            for item in self.items(table).await {
                let Some(request) = aged(table, keys, &item, seconds, self.kept) else {
                    continue;
                };
                // An item that is gone meanwhile needs no ageing.
                self.try_call("UpdateItem", request).await;
            }
        }
    }

    pub async fn call(&self, operation: &str, request: Value) -> Value {
        let (is_success, body) = self.try_call(operation, request).await;
        assert!(is_success, "{operation}: {body}");
        body
    }

    async fn try_call(&self, operation: &str, request: Value) -> (bool, Value) {
        let request = self
            .http
            .post(&self.endpoint)
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("content-type", "application/x-amz-json-1.0")
            // The embedded table wants a signature and does not look at it.
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
            .header("x-amz-date", "20260101T000000Z")
            .body(request.to_string());
        let answer = request.send().await.expect("the embedded DynamoDB answers");
        let is_success = answer.status().is_success();
        let body = answer.bytes().await.expect("a whole body");
        (
            is_success,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }
}

/// The update that makes an item that much older; none if it has no moments.
fn aged(
    table: &str,
    keys: &[String],
    item: &Value,
    seconds: i64,
    kept: Option<&str>,
) -> Option<Value> {
    let mut names = Map::new();
    let mut key = Map::new();
    let mut changes = Vec::new();
    for (name, value) in item.as_object()? {
        if keys.contains(name) {
            key.insert(name.clone(), value.clone());
            continue;
        }
        let number: Option<i64> = value["N"].as_str().and_then(|number| number.parse().ok());
        let unit = match number {
            _ if KEPT.contains(&name.as_str()) || kept == Some(name) => continue,
            Some(LEAST_MS..) => ":ms",
            Some(LEAST_SECONDS..) => ":seconds",
            _ => continue,
        };
        let placeholder = format!("#a{}", changes.len());
        changes.push(format!("{placeholder} = {placeholder} - {unit}"));
        names.insert(placeholder, json!(name));
    }
    if changes.is_empty() {
        return None;
    }
    let expression = format!("SET {}", changes.join(", "));
    let mut values = Map::new();
    for (unit, amount) in [(":ms", seconds * 1_000), (":seconds", seconds)] {
        if expression.contains(unit) {
            values.insert(unit.to_owned(), json!({"N": amount.to_string()}));
        }
    }
    let exists = keys.first()?;
    names.insert("#exists".to_owned(), json!(exists));
    Some(json!({
        "TableName": table, "Key": key, "UpdateExpression": expression,
        "ConditionExpression": "attribute_exists(#exists)",
        "ExpressionAttributeNames": names, "ExpressionAttributeValues": values,
    }))
}

/// A string attribute of an item, `""` if it has none.
pub fn text<'a>(item: &'a Value, attribute: &str) -> &'a str {
    item[attribute]["S"].as_str().unwrap_or_default()
}
