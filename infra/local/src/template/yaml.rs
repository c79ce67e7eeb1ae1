//! The template as JSON, in which `!Sub x` is `{"!Sub": "x"}`.

use serde_json::{Map, Value as Json};

use super::error::{Place, TemplateError};

/// Reads the template.
pub(super) fn read(template: &str) -> Result<Json, TemplateError> {
    let yaml: Result<serde_yaml_ng::Value, _> = serde_yaml_ng::from_str(template);
    let file = Place::section("the file");
    let yaml = yaml.map_err(|fault| file.error(format!("is not YAML: {fault}")))?;
    serde_json::to_value(yaml).map_err(|fault| file.error(format!("is not like JSON: {fault}")))
}

/// The entries of a mapping.
pub(super) fn entries<'t>(
    value: &'t Json,
    place: &Place,
) -> Result<&'t Map<String, Json>, TemplateError> {
    value.as_object().ok_or_else(|| place.must_be("a mapping"))
}

/// A scalar as CloudFormation passes it on: everything is a string in the end.
pub(super) fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The intrinsic function that `value` is, with its argument: `!Sub x` or `{"Fn::Sub": x}`. The name comes without
/// `!` and without `Fn::`.
pub(super) fn intrinsic(value: &Json) -> Option<(&str, &Json)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (key, argument) = object.iter().next()?;
    let name = match key.as_str() {
        "Ref" | "Condition" if argument.is_string() => key,
        key => key.strip_prefix('!').or_else(|| key.strip_prefix("Fn::"))?,
    };
    Some((name, argument))
}
