//! A write of one item, in DynamoDB's expression language.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;

use crate::item::Item;

/// A write of one item. In its condition and its change `#name` stands for the attribute `name`, and `:name` for a
/// value.
#[derive(Debug, Clone)]
pub struct Write {
    kind: Kind,
    condition: Option<String>,
    values: HashMap<String, AttributeValue>,
    pub(crate) returns_item: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Put(Item),
    Update { key: Item, change: String },
    Delete(Item),
}

/// Under which condition something is written, and what names and values stand for, in the change too.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) expression: Option<String>,
    /// The attributes by their placeholders.
    pub(crate) names: Option<HashMap<String, String>>,
    pub(crate) values: Option<HashMap<String, AttributeValue>>,
}

/// The outcome of a write.
#[derive(Debug)]
#[must_use]
pub enum Written {
    /// It is done. The item as it is now, if the write returns it.
    Done(Item),
    /// Its condition does not hold. The item as it stands, if there is one.
    Refused(Option<Item>),
}

impl Write {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            condition: None,
            values: HashMap::new(),
            returns_item: false,
        }
    }

    /// Puts a whole item.
    pub fn put(item: Item) -> Self {
        Self::new(Kind::Put(item))
    }

    /// Changes an item by an update expression.
    pub fn update(key: Item, change: impl Into<String>) -> Self {
        let change = change.into();
        Self::new(Kind::Update { key, change })
    }

    /// Sets these attributes ([`attributes`](crate::item::attributes)) of an item, and removes those that are NULL.
    pub fn update_to(key: Item, attributes: Item) -> Self {
        let mut values = HashMap::with_capacity(attributes.len());
        let (mut set, mut removed) = (String::with_capacity(1_024), String::new());
        for (name, value) in attributes {
            let placeholder = format!(":{name}");
            if value.is_null() {
                removed.push_str(if removed.is_empty() { " REMOVE " } else { ", " });
                removed.extend(["#", &name]);
            } else {
                set.push_str(if set.is_empty() { "SET " } else { ", " });
                set.extend(["#", &name, " = ", &placeholder]);
                values.insert(placeholder, value);
            }
        }
        Self {
            values,
            ..Self::update(key, set + &removed)
        }
    }

    /// Deletes an item.
    pub fn delete(key: Item) -> Self {
        Self::new(Kind::Delete(key))
    }

    /// Writes only if this condition holds.
    #[must_use]
    pub fn only_if(mut self, condition: impl Into<String>) -> Self {
        self.condition = Some(condition.into());
        self
    }

    /// Writes only if there is no such item.
    #[must_use]
    pub fn if_absent(self) -> Self {
        self.only_if("attribute_not_exists(pk)")
    }

    /// Writes only if the item's last write is `write_id`.
    #[must_use]
    pub fn if_written_by(self, write_id: impl ToString) -> Self {
        self.only_if("#write_id = :based_on")
            .value(":based_on", crate::item::string(write_id))
    }

    /// The value of a name in the condition or the change. One that is in neither is not sent.
    #[must_use]
    pub fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// Returns the item as it is after an update.
    #[must_use]
    pub fn returning_item(mut self) -> Self {
        self.returns_item = true;
        self
    }

    /// What is written, and under which condition. DynamoDB refuses names and values that are not used, and empty maps
    /// of them.
    pub(crate) fn into_parts(self) -> (Kind, Condition) {
        let Self {
            kind,
            condition,
            mut values,
            ..
        } = self;
        let change = match &kind {
            Kind::Update { change, .. } => change.as_str(),
            Kind::Put(_) | Kind::Delete(_) => "",
        };
        let expressions = [condition.as_deref().unwrap_or_default(), change];
        let names = expressions.iter().flat_map(|text| placeholders(text, '#'));
        let names = names.filter_map(|placeholder| {
            let name = placeholder.strip_prefix('#')?;
            Some((placeholder.to_owned(), name.to_owned()))
        });
        let names: HashMap<_, _> = names.collect();
        let used = expressions.iter().flat_map(|text| placeholders(text, ':'));
        let used: HashSet<&str> = used.collect();
        values.retain(|placeholder, _| used.contains(placeholder.as_str()));
        let condition = Condition {
            names: Some(names).filter(|names| !names.is_empty()),
            values: Some(values).filter(|values| !values.is_empty()),
            expression: condition,
        };
        (kind, condition)
    }
}

/// The placeholders in an expression that begin with `sign`.
fn placeholders(expression: &str, sign: char) -> impl Iterator<Item = &str> {
    let is_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    expression
        .match_indices(sign)
        .filter_map(move |(start, found)| {
            let name = expression.get(start + found.len()..)?;
            let end = name.find(|letter| !is_of_name(letter));
            let length = found.len() + end.unwrap_or(name.len());
            expression.get(start..start + length)
        })
}
