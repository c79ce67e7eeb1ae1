//! Writing and reading the attributes of an item.
use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item, or its key.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// An attribute is not what we write.
#[derive(Debug)]
pub(crate) struct Malformed {
    /// The attribute's name.
    pub(crate) attribute: String,
    /// What is wrong with it, without its value.
    pub(crate) reason: &'static str,
}

pub(crate) fn malformed(attribute: &str, reason: &'static str) -> Malformed {
    Malformed {
        attribute: attribute.to_owned(),
        reason,
    }
}

pub(crate) fn string(text: impl ToString) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

pub(crate) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The key of an item.
pub(crate) fn keys(pk: impl ToString, sk: impl ToString) -> Item {
    HashMap::from([("pk".to_owned(), string(pk)), ("sk".to_owned(), string(sk))])
}

pub(crate) fn text<'i>(item: &'i Item, name: &str) -> Result<&'i str, Malformed> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        Some(_) => Err(malformed(name, "is not a string")),
        None => Err(malformed(name, "is missing")),
    }
}

/// What a string stands for.
pub(crate) fn parsed<T: FromStr>(item: &Item, name: &str) -> Result<T, Malformed> {
    text(item, name)?
        .parse()
        .map_err(|_| malformed(name, "does not have its form"))
}

pub(crate) fn parsed_number<T: FromStr>(item: &Item, name: &str) -> Result<T, Malformed> {
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits
            .parse()
            .map_err(|_| malformed(name, "is out of range")),
        Some(_) => Err(malformed(name, "is not a number")),
        None => Err(malformed(name, "is missing")),
    }
}
