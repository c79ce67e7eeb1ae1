//! Message attributes, and the digest that SQS makes of them.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::Error;

const MAXIMUM_ATTRIBUTES: usize = 10;
const MAXIMUM_NAME_LENGTH: usize = 256;

/// One message attribute: a typed value beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageAttribute {
    /// `String`, `Number` or `Binary`, optionally with a label of the sender: `Number.float`.
    pub data_type: String,
    /// The value.
    pub value: AttributeValue,
}

/// The value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// Of the types `String` and `Number`.
    Text(String),
    /// Of the type `Binary`.
    Binary(Vec<u8>),
}

/// A message attribute as JSON has it. What it says is checked by [`from_wire`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct WireAttribute {
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

/// Attributes in the order of their names, which is the order they are digested in.
pub(crate) type Attributes = BTreeMap<String, MessageAttribute>;

impl MessageAttribute {
    fn value_bytes(&self) -> &[u8] {
        match &self.value {
            AttributeValue::Text(text) => text.as_bytes(),
            AttributeValue::Binary(bytes) => bytes,
        }
    }
}

/// Checks attributes as they came in: at most 10, legal names, a value that fits its type.
pub(crate) fn from_wire(wire: BTreeMap<String, WireAttribute>) -> Result<Attributes, Error> {
    if wire.len() > MAXIMUM_ATTRIBUTES {
        return Err(Error::InvalidParameterValue(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MAXIMUM_ATTRIBUTES}].",
            wire.len()
        )));
    }
    wire.into_iter()
        .map(|(name, attribute)| {
            check_name(&name)?;
            let attribute = checked(&name, attribute)?;
            Ok((name, attribute))
        })
        .collect()
}

/// The attributes as JSON has them.
pub(crate) fn to_wire(attributes: &Attributes) -> BTreeMap<&str, WireAttribute> {
    attributes
        .iter()
        .map(|(name, attribute)| {
            let (string_value, binary_value) = match &attribute.value {
                AttributeValue::Text(text) => (Some(text.clone()), None),
                AttributeValue::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
            };
            let data_type = attribute.data_type.clone();
            (
                name.as_str(),
                WireAttribute {
                    data_type,
                    string_value,
                    binary_value,
                },
            )
        })
        .collect()
}

/// The bytes that the attributes count for in a message's size: names, types and values.
pub(crate) fn size(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(name, attribute)| {
            name.len() + attribute.data_type.len() + attribute.value_bytes().len()
        })
        .sum()
}

/// The attributes that a receive asked for: by name, by a prefix with `.*` or `*`, or `All`.
pub(crate) fn select(attributes: &Attributes, wanted: &[String]) -> Attributes {
    let is_wanted = |name: &str| {
        wanted.iter().any(|pattern| match pattern.as_str() {
            "All" | ".*" => true,
            pattern => match pattern
                .strip_suffix(".*")
                .or_else(|| pattern.strip_suffix('*'))
            {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            },
        })
    };
    attributes
        .iter()
        .filter(|(name, _)| is_wanted(name))
        .map(|(name, attribute)| (name.clone(), attribute.clone()))
        .collect()
}

/// The MD5 of attributes in hexadecimal; none if there are no attributes.
///
/// As in "Calculating the MD5 message digest for message attributes" of the SQS Developer Guide:
/// in the order of their names, the length (four bytes, big-endian) and bytes of the name, of the
/// data type, one byte that is 1 for text and 2 for binary, and length and bytes of the value.
pub(crate) fn md5_of_attributes(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = md5::Context::new();
    for (name, attribute) in attributes {
        let transport_type: u8 = match attribute.value {
            AttributeValue::Text(_) => 1,
            AttributeValue::Binary(_) => 2,
        };
        consume_with_length(&mut digest, name.as_bytes());
        consume_with_length(&mut digest, attribute.data_type.as_bytes());
        digest.consume([transport_type]);
        consume_with_length(&mut digest, attribute.value_bytes());
    }
    Some(format!("{:x}", digest.compute()))
}

fn consume_with_length(digest: &mut md5::Context, bytes: &[u8]) {
    // Never saturates: a whole message is at most 1 MiB.
    digest.consume(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    digest.consume(bytes);
}

fn checked(name: &str, wire: WireAttribute) -> Result<MessageAttribute, Error> {
    let data_type = wire.data_type;
    let basic_type = data_type.split('.').next().unwrap_or_default();
    let value = match basic_type {
        "String" | "Number" => wire.string_value.map(AttributeValue::Text),
        "Binary" => wire
            .binary_value
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .map(AttributeValue::Binary),
        _ => {
            return Err(Error::InvalidParameterValue(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of \
                 supported type prefixes is Binary, Number, and String."
            )));
        }
    };
    value
        .map(|value| MessageAttribute {
            data_type: data_type.clone(),
            value,
        })
        .filter(|attribute| !attribute.value_bytes().is_empty())
        .ok_or_else(|| {
            Error::InvalidParameterValue(format!(
                "The message attribute '{name}' must contain a non-empty message attribute value \
                 for message attribute type '{data_type}'."
            ))
        })
}

fn check_name(name: &str) -> Result<(), Error> {
    let reserved = |prefix: &str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let legal = !name.is_empty()
        && name.len() <= MAXIMUM_NAME_LENGTH
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !reserved("AWS.")
        && !reserved("Amazon.");
    if legal {
        return Ok(());
    }
    Err(Error::InvalidParameterValue(format!(
        "The message attribute name {name:?} is not legal: it must be 1 to 256 letters, digits, \
         underscores, hyphens and single inner dots, and not start with AWS. or Amazon."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data_type: &str, value: &str) -> MessageAttribute {
        MessageAttribute {
            data_type: data_type.into(),
            value: AttributeValue::Text(value.into()),
        }
    }

    /// Digests that AWS gave, as recorded by moto's tests (tests/test_sqs/test_sqs.py,
    /// `test_message_send_with_attributes` and `test_message_with_complex_attributes`).
    #[test]
    fn attributes_are_digested_as_aws_does() {
        let one = Attributes::from([("timestamp".into(), text("Number", "1493147359900"))]);
        assert_eq!(
            md5_of_attributes(&one).unwrap(),
            "235c5c510d26fb653d073faed50ae77c"
        );
        let binary = AttributeValue::Binary(vec![2, 3, 4]);
        let many = Attributes::from([
            ("ccc".into(), text("String", "testjunk")),
            (
                "aaa".into(),
                MessageAttribute {
                    data_type: "Binary".into(),
                    value: binary,
                },
            ),
            ("zzz".into(), text("Number", "0230.01")),
            ("öther_encodings".into(), text("String", "T\u{fc}st")),
        ]);
        assert_eq!(
            md5_of_attributes(&many).unwrap(),
            "8ae21a7957029ef04146b42aeaa18a22"
        );
        assert_eq!(md5_of_attributes(&Attributes::new()), None);
    }

    #[test]
    fn a_receive_selects_by_name_prefix_or_all() {
        let attributes = Attributes::from([
            ("trace.id".into(), text("String", "a")),
            ("trace.parent".into(), text("String", "b")),
            ("kind".into(), text("String", "c")),
        ]);
        for (wanted, count) in [
            ("All", 3),
            (".*", 3),
            ("trace.*", 2),
            ("kind", 1),
            ("trace", 0),
            ("none", 0),
        ] {
            assert_eq!(
                select(&attributes, &[wanted.to_owned()]).len(),
                count,
                "{wanted}"
            );
        }
        assert!(select(&attributes, &[]).is_empty());
    }

    #[test]
    fn attributes_without_a_legal_name_type_or_value_are_refused() {
        for (name, json) in [
            ("a..b", r#"{"DataType":"String","StringValue":"x"}"#),
            ("AWS.trace", r#"{"DataType":"String","StringValue":"x"}"#),
            ("", r#"{"DataType":"String","StringValue":"x"}"#),
            ("a", r#"{"DataType":"Object","StringValue":"x"}"#),
            ("a", r#"{"DataType":"String","StringValue":""}"#),
            ("a", r#"{"DataType":"String","BinaryValue":"eA=="}"#),
            ("a", r#"{"DataType":"Binary","BinaryValue":"%"}"#),
        ] {
            let wire = BTreeMap::from([(name.to_owned(), serde_json::from_str(json).unwrap())]);
            let error = from_wire(wire).unwrap_err();
            assert!(
                matches!(error, Error::InvalidParameterValue(_)),
                "{name} {json}"
            );
        }
    }
}
