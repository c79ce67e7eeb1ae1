//! Items: written and read by serde, one attribute for each member of a value.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_dynamo::Deserializer;
use serde_path_to_error::Segment;

use crate::CallError;

/// An item, some attributes of one, or its key.
pub type Item = HashMap<String, AttributeValue>;

/// An attribute without its form.
#[derive(Debug)]
pub struct MalformedItemError {
    /// The attribute's name.
    pub attribute: String,
    /// What is wrong with it, without its value.
    pub reason: &'static str,
}

impl MalformedItemError {
    /// An attribute with what is wrong with it.
    pub fn new(attribute: &str, reason: &'static str) -> Self {
        Self {
            attribute: attribute.to_owned(),
            reason,
        }
    }

    /// An attribute that is not there.
    pub fn missing(attribute: &str) -> Self {
        Self::new(attribute, "is missing")
    }
}

/// A string.
pub fn string(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

/// A number.
pub fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The key of an item.
pub fn key(pk: impl ToString, sk: impl ToString) -> Item {
    HashMap::from([("pk".to_owned(), string(pk)), ("sk".to_owned(), string(sk))])
}

/// The attributes of a value. One that is `None` is NULL.
pub fn attributes(value: &impl Serialize) -> Result<Item, CallError> {
    serde_dynamo::to_item(value)
        .map_err(|_| CallError::unexpected("a value that cannot be written as an item"))
}

/// The whole item of a value: its key, and its attributes without those that are `None`.
pub fn write(key: Item, value: &impl Serialize) -> Result<Item, CallError> {
    let mut item = attributes(value)?;
    item.retain(|_, value| !value.is_null());
    item.extend(key);
    Ok(item)
}

/// The value of an item. Unknown attributes are ignored.
pub fn read<T: DeserializeOwned>(item: Item) -> Result<T, MalformedItemError> {
    let item = Deserializer::from_attribute_value(AttributeValue::M(item).into());
    serde_path_to_error::deserialize(item).map_err(|fault| match fault.path().iter().next() {
        Some(Segment::Map { key }) => MalformedItemError::new(key, "does not have its form"),
        _ => {
            let text = fault.inner().to_string();
            let missing = text.strip_prefix("missing field `");
            match missing.and_then(|rest| rest.strip_suffix('`')) {
                Some(attribute) => MalformedItemError::missing(attribute),
                None => MalformedItemError::new("(any)", "does not have its form"),
            }
        }
    })
}

/// What follows `prefix` in an attribute of a key, if it has its form.
pub fn parsed_key<T: std::str::FromStr>(item: &Item, name: &str, prefix: &str) -> Option<T> {
    let key = item.get(name)?.as_s().ok()?;
    key.strip_prefix(prefix)?.parse().ok()
}
