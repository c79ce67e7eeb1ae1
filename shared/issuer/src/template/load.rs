//! Reads template files and finds their faults.

use std::collections::{HashMap, HashSet};
use std::fmt;

use contract::Fault;
use serde_json::Value;

use super::{Definition, RESERVED_CLAIMS, RESERVED_MEMBERS, Template, paths};
use crate::schema;

/// What may stand in a template file.
const SCHEMA: &str = include_str!("template.schema.json");

/// A template file as it was found.
#[derive(Debug, Clone, Copy)]
pub struct TemplateFile<'a> {
    /// Name to use in messages.
    pub name: &'a str,
    /// The content, JSON.
    pub text: &'a str,
}

/// One fault of one template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// The file's name.
    pub file: String,
    /// JSON pointer to the field, and what would be right.
    pub fault: Fault,
}

/// Everything that is wrong with the template files. Displayed one fault a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFaults(pub Vec<TemplateFault>);

impl fmt::Display for TemplateFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, TemplateFault { file, fault }) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            let Fault { pointer, reason } = fault;
            let field = if pointer.is_empty() {
                "the file"
            } else {
                pointer
            };
            write!(formatter, "{separator}{file}: {field} {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateFaults {}

pub(super) fn load(files: &[TemplateFile<'_>]) -> Result<Vec<Template>, TemplateFaults> {
    let mut templates = Vec::with_capacity(files.len());
    let mut faults = Vec::new();
    for file in files {
        match load_one(file.text) {
            Ok(template) => templates.push((file.name, template)),
            Err(found) => faults.extend(found.into_iter().map(|fault| TemplateFault {
                file: file.name.to_owned(),
                fault,
            })),
        }
    }
    find_duplicates(&templates, &mut faults);
    if files.is_empty() {
        faults.push(TemplateFault {
            file: "(none)".to_owned(),
            fault: Fault::new("", "there must be at least one template"),
        });
    }
    if faults.is_empty() {
        Ok(templates
            .into_iter()
            .map(|(_, template)| template)
            .collect())
    } else {
        Err(TemplateFaults(faults))
    }
}

fn load_one(text: &str) -> Result<Template, Vec<Fault>> {
    let one = |pointer: &str, reason: String| vec![Fault::new(pointer, reason)];
    let value = signing::json::parse(text.as_bytes())
        .map_err(|error| one("", format!("is not JSON: {}", innermost(&error))))?;

    let template_schema: Value = serde_json::from_str(SCHEMA)
        .map_err(|error| one("", format!("template.schema.json is not JSON: {error}")))?;
    let template_validator = schema::compile(&template_schema).map_err(|fault| vec![fault])?;
    let faults = schema::faults(&template_validator, &value);
    if !faults.is_empty() {
        return Err(faults);
    }
    let definition: Definition = serde_json::from_value(value)
        .map_err(|error| one("", format!("is not a template: {error}")))?;

    let mut faults = Vec::new();
    check_names(&definition.claims_schema, "/claims_schema", &mut faults);
    check_claims(&definition, &mut faults);
    check_locales(
        "/display",
        definition
            .display
            .iter()
            .map(|display| display.locale.as_str()),
        &mut faults,
    );
    match schema::compile(&definition.claims_schema) {
        Ok(validator) if faults.is_empty() => Ok(Template {
            definition,
            validator,
        }),
        Ok(_) => Err(faults),
        Err(mut found) => {
            found.pointer.insert_str(0, "/claims_schema");
            faults.push(found);
            Err(faults)
        }
    }
}

/// Claims that the issuer itself sets cannot be a backend's.
fn check_names(claims_schema: &Value, pointer: &str, faults: &mut Vec<Fault>) {
    for name in paths::top_level(claims_schema) {
        if RESERVED_CLAIMS.contains(&name.as_str()) {
            let pointer = schema::child(&format!("{pointer}/properties"), name);
            faults.push(Fault::new(
                pointer,
                "is set by the issuer: choose another name for the claim",
            ));
        }
    }
}

fn check_claims(definition: &Definition, faults: &mut Vec<Fault>) {
    let mut seen = HashSet::new();
    for (index, claim) in definition.claims.iter().enumerate() {
        let pointer = format!("/claims/{index}");
        let path = format!("{pointer}/path");
        if !paths::is_known(&definition.claims_schema, &claim.path) {
            faults.push(Fault::new(
                path.clone(),
                "names a claim that claims_schema does not describe",
            ));
        }
        if !seen.insert(&claim.path) {
            faults.push(Fault::new(
                path.clone(),
                "is there twice: describe each claim once",
            ));
        }
        let reserved = claim.path.iter().flatten();
        if reserved
            .clone()
            .any(|name| RESERVED_MEMBERS.contains(&name.as_str()))
        {
            faults.push(Fault::new(path.clone(), "has a name that SD-JWT reserves"));
        }
        if claim.selectively_disclosable
            && claim.path.last() == Some(&None)
            && claim.path.len() == 1
        {
            faults.push(Fault::new(
                path.clone(),
                "must begin with the name of a claim",
            ));
        }
        check_locales(
            &format!("{pointer}/display"),
            claim.display.iter().map(|display| display.locale.as_str()),
            faults,
        );
    }
    for name in paths::top_level(&definition.claims_schema) {
        if !seen.contains(&vec![Some(name.clone())]) {
            faults.push(Fault::new(
                "/claims",
                format!("has no entry for the claim {name:?} of claims_schema"),
            ));
        }
    }
}

/// OpenID4VCI 1.0 §12.2.4: one display object for each language.
fn check_locales<'a>(
    pointer: &str,
    locales: impl Iterator<Item = &'a str>,
    faults: &mut Vec<Fault>,
) {
    let mut seen = HashSet::new();
    for (index, locale) in locales.enumerate() {
        if !seen.insert(locale) {
            faults.push(Fault::new(
                format!("{pointer}/{index}/locale"),
                "is there twice: give one display for each language",
            ));
        }
    }
}

fn find_duplicates(templates: &[(&str, Template)], faults: &mut Vec<TemplateFault>) {
    let mut owners: HashMap<(&str, &str), &str> = HashMap::new();
    for (file, template) in templates {
        let definition = &template.definition;
        for (field, value) in [
            ("template_id", &definition.template_id),
            ("credential_type", &definition.credential_type),
            ("vct", &definition.vct),
        ] {
            if let Some(other) = owners.insert((field, value), file) {
                faults.push(TemplateFault {
                    file: (*file).to_owned(),
                    fault: Fault::new(
                        format!("/{field}"),
                        format!("is the same as in {other}: it must be unique"),
                    ),
                });
            }
        }
    }
}

/// The cause that says where: line and column.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
