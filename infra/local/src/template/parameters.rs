//! The template's parameters with their values.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::error::{Place, TemplateError};
use super::yaml::{entries, text};

/// The value of each parameter: the given one, or the template's default.
///
/// `AllowedPattern` is not checked: it guards what an operator types at deployment, such as an `https` origin, and the
/// local cloud's own values are exempt.
pub(super) fn values(
    root: &Json,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let section = Place::section("Parameters");
    let none = Map::new();
    let declared = root.get("Parameters");
    let declared = declared.map_or(Ok(&none), |parameters| entries(parameters, &section))?;
    if let Some(undeclared) = given.keys().find(|name| !declared.contains_key(*name)) {
        return Err(section.key(undeclared).error(
            "the local cloud gives this parameter a value, but the template does not declare it",
        ));
    }
    let values = declared.iter().map(|(name, declaration)| {
        let value = value(declaration, given.get(name), &section.key(name))?;
        Ok((name.clone(), value))
    });
    values.collect()
}

fn value(
    declaration: &Json,
    given: Option<&String>,
    place: &Place,
) -> Result<String, TemplateError> {
    match declaration.get("Type").and_then(Json::as_str) {
        Some("String" | "Number") => {}
        Some(other) => return Err(place.key("Type").unknown("parameter type", other)),
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
            .as_array()
            .ok_or_else(|| place.key("AllowedValues").must_be("a list"))?;
        if !allowed.iter().any(|one| text(one).as_ref() == Some(&value)) {
            return Err(place.error(format!("the value {value:?} is not among AllowedValues")));
        }
    }
    Ok(value)
}
