//! Reading YAML values whose shape is not yet certain.

use serde::Deserialize;
use serde_yaml_ng::Value;

use super::error::{Place, TemplateError};

/// The entries of a mapping, in the order of the file.
pub(super) type Entries<'a> = Vec<(&'a str, &'a Value)>;

/// The entries of a mapping whose keys are strings.
pub(super) fn entries<'a>(
    value: &'a Value,
    place: &Place<'_>,
) -> Result<Entries<'a>, TemplateError> {
    let mapping = value
        .as_mapping()
        .ok_or_else(|| place.must_be("a mapping"))?;
    mapping
        .iter()
        .map(|(key, value)| {
            let key = key
                .as_str()
                .ok_or_else(|| place.must_be("a mapping with strings as keys"))?;
            Ok((key, value))
        })
        .collect()
}

/// A scalar as CloudFormation passes it on: everything is a string in the end.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The intrinsic function that `value` is, with its argument: `!Ref x` or `{Ref: x}`,
/// `!Sub x` or `{"Fn::Sub": x}`. The name comes without `!` and without `Fn::`.
pub(super) fn intrinsic(value: &Value) -> Option<(String, &Value)> {
    match value {
        Value::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            Some((name.trim_start_matches('!').to_owned(), &tagged.value))
        }
        Value::Mapping(mapping) if mapping.len() == 1 => {
            let (key, argument) = mapping.iter().next()?;
            match key.as_str()? {
                "Ref" => Some(("Ref".to_owned(), argument)),
                key => Some((key.strip_prefix("Fn::")?.to_owned(), argument)),
            }
        }
        _ => None,
    }
}

/// A whole number as CloudFormation takes it: a number, or its digits.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "NumberOrText")]
pub(super) struct Whole(i64);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(i64),
    Text(String),
}

impl TryFrom<NumberOrText> for Whole {
    type Error = std::num::ParseIntError;

    fn try_from(value: NumberOrText) -> Result<Self, Self::Error> {
        match value {
            NumberOrText::Number(number) => Ok(Self(number)),
            NumberOrText::Text(text) => text.parse().map(Self),
        }
    }
}

impl Whole {
    /// The number; 0 for a negative one.
    pub(super) fn get(self) -> u64 {
        u64::try_from(self.0).unwrap_or_default()
    }

    /// The number as a limit; a negative one is none.
    pub(super) fn limit(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}
