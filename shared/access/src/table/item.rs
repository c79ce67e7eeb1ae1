//! A record as an item, and back.

use bestow_aws::CallError;
use bestow_aws::item::{self, Item, MalformedItemError};
use bestow_contract::Scope;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_dynamo::string_set;

use crate::api_key::{KeyHash, KeyId};
use crate::key_record::KeyRecord;
use crate::limiter::Window;

/// The partition of all keys.
pub(super) const KEYS: &str = "keys";
const KEY_PREFIX: &str = "key#";

/// The attributes of a key.
#[derive(Serialize, Deserialize)]
struct KeyItem {
    key_hash: String,
    #[serde(with = "string_set")]
    scopes: Vec<String>,
    #[serde(default)]
    note: String,
    #[serde(rename = "created_at_ms", default, with = "millisecond::required")]
    created_at: Timestamp,
    #[serde(rename = "valid_until_ms", default)]
    #[serde(
        serialize_with = "millisecond::optional::serialize",
        deserialize_with = "time"
    )]
    valid_until: Option<Timestamp>,
    #[serde(rename = "revoked_at_ms", default)]
    #[serde(
        serialize_with = "millisecond::optional::serialize",
        deserialize_with = "time"
    )]
    revoked_at: Option<Timestamp>,
    replaced_by: Option<String>,
    rate_limit: Option<String>,
    /// Unix seconds: the table's time to live.
    #[serde(skip_deserializing)]
    expires_at: Option<i64>,
}

/// The key of a key.
pub(super) fn key(id: &KeyId) -> Item {
    item::key(KEYS, format!("{KEY_PREFIX}{id}"))
}

pub(super) fn write(record: &KeyRecord) -> Result<Item, CallError> {
    let attributes = KeyItem {
        key_hash: record.hash.to_hex(),
        scopes: record.scopes.iter().map(Scope::to_string).collect(),
        note: record.note.clone(),
        created_at: record.created_at,
        valid_until: record.valid_until,
        revoked_at: record.revoked_at,
        replaced_by: record.replaced_by.as_ref().map(KeyId::to_string),
        rate_limit: record.rate_limit.map(|limit| limit.to_string()),
        expires_at: record.forgotten_at().map(Timestamp::as_second),
    };
    item::write(key(&record.id), &attributes)
}

/// The record in an item. What a newer version may have written allows the least: a scope that is not known allows
/// nothing, a time that is none ends the key, and a limit that is none is the smallest.
pub(super) fn read(item: Item) -> Result<KeyRecord, MalformedItemError> {
    let id =
        id(&item).ok_or_else(|| MalformedItemError::new("sk", "is not the key of an API key"))?;
    let attributes: KeyItem = item::read(item)?;
    let scopes = attributes.scopes.iter();
    Ok(KeyRecord {
        id,
        hash: KeyHash::from_hex(&attributes.key_hash)
            .ok_or_else(|| MalformedItemError::new("key_hash", "does not have its form"))?,
        scopes: scopes.filter_map(|name| name.parse().ok()).collect(),
        note: attributes.note,
        created_at: attributes.created_at,
        valid_until: attributes.valid_until,
        revoked_at: attributes.revoked_at,
        replaced_by: attributes.replaced_by.and_then(|id| id.parse().ok()),
        rate_limit: attributes
            .rate_limit
            .map(|limit| limit.parse().unwrap_or_default()),
    })
}

/// The id of the key that an item is about.
pub(super) fn id(item: &Item) -> Option<KeyId> {
    item::parsed_key(item, "sk", KEY_PREFIX)
}

/// The key of a caller's window. Each caller has a partition.
pub(super) fn window_key(caller: &str, window: &Window) -> Item {
    let begins_at_ms = window.begins_at.as_millisecond();
    item::key(format!("rate#{caller}"), format!("window#{begins_at_ms}"))
}

/// How many requests of a window were taken.
pub(super) fn taken(window: Item) -> Result<u32, MalformedItemError> {
    #[derive(Deserialize)]
    struct Window {
        taken: u32,
    }
    item::read(window).map(|window: Window| window.taken)
}

/// The time in an attribute that is there; one that is none is long past.
fn time<'de, D: Deserializer<'de>>(attribute: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Time {
        At(#[serde(with = "millisecond::required")] Timestamp),
        NotOne(IgnoredAny),
    }
    Ok(Some(match Time::deserialize(attribute)? {
        Time::At(at) => at,
        Time::NotOne(_) => Timestamp::UNIX_EPOCH,
    }))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use bestow_aws::item::string;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn record() -> KeyRecord {
        let (id, hash) = ("k1".parse().unwrap(), KeyHash::of(b"key"));
        let scopes = [Scope::IssueRead, Scope::IssueWrite].into();
        KeyRecord {
            note: "the bank's own".to_owned(),
            valid_until: Some(at(2_000)),
            revoked_at: Some(at(1_000)),
            replaced_by: Some("k2".parse().unwrap()),
            rate_limit: Some("50/s".parse().unwrap()),
            ..KeyRecord::new(id, hash, scopes, at(1))
        }
    }

    #[test]
    fn a_record_is_read_back_and_the_item_has_no_key() {
        let item = write(&record()).unwrap();
        assert_eq!(read(item).unwrap(), record());
        let plain = KeyRecord {
            valid_until: None,
            revoked_at: None,
            replaced_by: None,
            rate_limit: None,
            ..record()
        };
        let item = write(&plain).unwrap();
        assert!(!item.contains_key("expires_at"));
        assert_eq!(read(item).unwrap(), plain);
    }

    #[test]
    fn attributes_keep_their_names_and_types() {
        let text = |name: &str, value: &str| (name.to_owned(), string(value));
        let number =
            |name: &str, value: &str| (name.to_owned(), AttributeValue::N(value.to_owned()));
        let scopes = ["issue:write", "issue:read"].map(str::to_owned);
        let expected = Item::from([
            text("pk", "keys"),
            text("sk", "key#k1"),
            text("key_hash", &KeyHash::of(b"key").to_hex()),
            ("scopes".to_owned(), AttributeValue::Ss(scopes.into())),
            text("note", "the bank's own"),
            number("created_at_ms", "1"),
            number("valid_until_ms", "2000"),
            number("revoked_at_ms", "1000"),
            text("replaced_by", "k2"),
            text("rate_limit", "50/s"),
            number("expires_at", "7776001"),
        ]);
        assert_eq!(write(&record()).unwrap(), expected);
    }

    #[test]
    fn what_a_newer_version_wrote_allows_nothing_more() {
        let mut item = write(&record()).unwrap();
        let scopes = vec!["issue:read".to_owned(), "world:rule".to_owned()];
        item.insert("scopes".to_owned(), AttributeValue::Ss(scopes));
        for no_time in [string("tomorrow"), item::number(i64::MAX)] {
            item.insert("valid_until_ms".to_owned(), no_time);
            let read = read(item.clone()).unwrap();
            assert_eq!(read.scopes, [Scope::IssueRead].into());
            assert_eq!(read.valid_until, Some(Timestamp::UNIX_EPOCH));
        }
    }

    #[test]
    fn an_item_without_a_hash_is_no_key() {
        let mut item = write(&record()).unwrap();
        item.remove("key_hash");
        assert!(read(item).is_err());
    }
}
