//! A record as an item, and back.

use aws_sdk_dynamodb::types::AttributeValue;
use contract::Scope;

use super::Item;
use crate::api_key::{KeyHash, KeyId};
use crate::key_record::KeyRecord;
use crate::limiter::Window;

/// The partition of all keys.
pub(super) const KEYS: &str = "keys";
const KEY_PREFIX: &str = "key#";

pub(super) fn key(id: &KeyId) -> Item {
    Item::from([
        ("pk".to_owned(), string(KEYS)),
        ("sk".to_owned(), string(format!("{KEY_PREFIX}{id}"))),
    ])
}

pub(super) fn write(record: &KeyRecord) -> Item {
    let mut item = key(&record.id);
    let scopes = record.scopes.iter().map(Scope::to_string).collect();
    let mut set = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
    set("key_hash", string(record.hash.to_hex()));
    set("scopes", AttributeValue::Ss(scopes));
    set("note", string(&record.note));
    set("created_at_ms", number(record.created_at_ms));
    let times = [
        ("valid_until_ms", record.valid_until_ms),
        ("revoked_at_ms", record.revoked_at_ms),
        // The attribute that the table's TTL looks at, in seconds.
        ("expires_at", record.forgotten_at()),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            set(name, number(time));
        }
    }
    if let Some(id) = &record.replaced_by {
        set("replaced_by", string(id.as_str()));
    }
    if let Some(limit) = record.rate_limit {
        set("rate_limit", string(limit.to_string()));
    }
    item
}

/// The record in an item, if it is one. A scope that is not known, as a newer version may have written, allows
/// nothing; a time that is not one ends the key, and a limit that is not one is the smallest.
pub(super) fn read(item: &Item) -> Option<KeyRecord> {
    let id = id(item)?.parse().ok()?;
    let scopes = item.get("scopes")?.as_ss().ok()?;
    Some(KeyRecord {
        id,
        hash: KeyHash::from_hex(text(item, "key_hash")?)?,
        scopes: scopes.iter().filter_map(|name| name.parse().ok()).collect(),
        note: text(item, "note").unwrap_or_default().to_owned(),
        created_at_ms: time(item, "created_at_ms").unwrap_or_default(),
        valid_until_ms: time(item, "valid_until_ms"),
        revoked_at_ms: time(item, "revoked_at_ms"),
        replaced_by: text(item, "replaced_by").and_then(|id| id.parse().ok()),
        rate_limit: text(item, "rate_limit").map(|limit| limit.parse().unwrap_or_default()),
    })
}

/// The id of the key that an item is about.
pub(super) fn id(item: &Item) -> Option<&str> {
    text(item, "sk")?.strip_prefix(KEY_PREFIX)
}

/// The key of a caller's window. Each caller has a partition of its own.
pub(super) fn window_key(window: &Window<'_>) -> Item {
    Item::from([
        ("pk".to_owned(), string(format!("rate#{}", window.caller))),
        (
            "sk".to_owned(),
            string(format!("window#{}", window.begins_ms)),
        ),
    ])
}

/// How many requests of a window were taken.
pub(super) fn taken(item: Option<&Item>) -> Option<u32> {
    item?.get("taken")?.as_n().ok()?.parse().ok()
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The time in an attribute; one that is there and no number is long past.
fn time(item: &Item, name: &str) -> Option<i64> {
    let value = item.get(name)?;
    let number = value.as_n().ok().and_then(|number| number.parse().ok());
    Some(number.unwrap_or_default())
}

pub(super) fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> KeyRecord {
        KeyRecord {
            id: "k1".parse().unwrap(),
            hash: KeyHash::of(b"key"),
            scopes: [Scope::IssueRead, Scope::IssueWrite].into(),
            note: "the bank's own".to_owned(),
            created_at_ms: 1,
            valid_until_ms: Some(2_000),
            revoked_at_ms: Some(1_000),
            replaced_by: Some("k2".parse().unwrap()),
            rate_limit: Some("50/s".parse().unwrap()),
        }
    }

    #[test]
    fn a_record_is_read_back_and_the_item_has_no_key() {
        let item = write(&record());
        assert_eq!(read(&item), Some(record()));
        let plain = KeyRecord {
            valid_until_ms: None,
            revoked_at_ms: None,
            replaced_by: None,
            rate_limit: None,
            ..record()
        };
        let item = write(&plain);
        assert!(!item.contains_key("expires_at"));
        assert_eq!(read(&item), Some(plain));
    }

    #[test]
    fn what_a_newer_version_wrote_allows_nothing_more() {
        let mut item = write(&record());
        let scopes = vec!["issue:read".to_owned(), "world:rule".to_owned()];
        item.insert("scopes".to_owned(), AttributeValue::Ss(scopes));
        item.insert("valid_until_ms".to_owned(), string("tomorrow"));
        let read = read(&item).unwrap();
        assert_eq!(read.scopes, [Scope::IssueRead].into());
        assert_eq!(read.valid_until_ms, Some(0));
    }

    #[test]
    fn an_item_without_a_hash_is_no_key() {
        let mut item = write(&record());
        item.remove("key_hash");
        assert_eq!(read(&item), None);
    }
}
