//! Writing and reading the attributes of an item.
use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item, or its key.
pub type Item = HashMap<String, AttributeValue>;

/// An attribute is not what we write.
#[derive(Debug)]
pub struct Malformed {
    /// The attribute's name.
    pub attribute: String,
    /// What is wrong with it, without its value.
    pub reason: &'static str,
}

/// The attribute with what is wrong with it.
pub fn malformed(attribute: &str, reason: &'static str) -> Malformed {
    Malformed {
        attribute: attribute.to_owned(),
        reason,
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
pub fn keys(pk: impl ToString, sk: impl ToString) -> Item {
    HashMap::from([("pk".to_owned(), string(pk)), ("sk".to_owned(), string(sk))])
}

/// The string in an attribute.
pub fn text<'i>(item: &'i Item, name: &str) -> Result<&'i str, Malformed> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text),
        Some(_) => Err(malformed(name, "is not a string")),
        None => Err(malformed(name, "is missing")),
    }
}

/// What a string stands for.
pub fn parsed<T: FromStr>(item: &Item, name: &str) -> Result<T, Malformed> {
    text(item, name)?
        .parse()
        .map_err(|_| malformed(name, "does not have its form"))
}

/// The number in an attribute.
pub fn parsed_number<T: FromStr>(item: &Item, name: &str) -> Result<T, Malformed> {
    match item.get(name) {
        Some(AttributeValue::N(digits)) => digits
            .parse()
            .map_err(|_| malformed(name, "is out of range")),
        Some(_) => Err(malformed(name, "is not a number")),
        None => Err(malformed(name, "is missing")),
    }
}
