//! The tables, read and moved in time, past the proxy.

use serde_json::{Map, Value, json};

/// The tables of a world.
pub struct Tables {
    client: bestow_embedded_aws::Tables,
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
            client: bestow_embedded_aws::Tables::at(endpoint),
            tables: Vec::new(),
            kept,
        };
        for name in names.filter(|name| *name != UNTOUCHED) {
            let describe = json!({"TableName": name});
            let table = tables.client.call("DescribeTable", &describe).await;
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
        self.client.items(table).await
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
                let _ = self.client.try_call("UpdateItem", &request).await;
            }
        }
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
