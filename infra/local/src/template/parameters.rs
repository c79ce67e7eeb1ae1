//! The template's parameters with their values.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::error::{Place, TemplateError};
use super::yaml::{Entries, entries, text};

/// The value of each parameter: the given one, or the template's default.
///
/// `AllowedValues` is checked. `AllowedPattern` is not: it guards what an operator types at
/// deployment (an `https` origin, for example), and the local cloud's own values are exempt.
pub(super) fn values(
    root: &Value,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let section = Place::section("Parameters");
    let declared: Entries<'_> = match root.get("Parameters") {
        Some(parameters) => entries(parameters, &section)?,
        None => Vec::new(),
    };
    if let Some(undeclared) = given
        .keys()
        .find(|name| !declared.iter().any(|(declared, _)| declared == name))
    {
        return Err(section.key(undeclared).error(
            "the local cloud gives this parameter a value, but the template does not declare it",
        ));
    }
    declared
        .into_iter()
        .map(|(name, declaration)| {
            let place = section.key(name);
            let value = value(declaration, given.get(name), &place)?;
            Ok((name.to_owned(), value))
        })
        .collect()
}

fn value(
    declaration: &Value,
    given: Option<&String>,
    place: &Place<'_>,
) -> Result<String, TemplateError> {
    match declaration.get("Type").and_then(Value::as_str) {
        Some("String" | "Number") => {}
        Some(other) => {
            return Err(place.key("Type").unknown("parameter type", other));
        }
        None => return Err(place.key("Type").must_be("a parameter type")),
    }
    let value = match (given, declaration.get("Default")) {
        (Some(given), _) => given.clone(),
        (None, Some(default)) => {
            text(default).ok_or_else(|| place.key("Default").must_be("a string or a number"))?
        }
        (None, None) => {
            return Err(
                place.error("the parameter has no default and the local cloud gives it no value")
            );
        }
    };
    if let Some(allowed) = declaration.get("AllowedValues") {
        let allowed = allowed
            .as_sequence()
            .ok_or_else(|| place.key("AllowedValues").must_be("a list"))?;
        if !allowed.iter().any(|one| text(one).as_ref() == Some(&value)) {
            return Err(place.error(format!("the value {value:?} is not among AllowedValues")));
        }
    }
    Ok(value)
}
