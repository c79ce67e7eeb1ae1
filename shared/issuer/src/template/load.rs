//! Reads template files and finds their faults.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::OnceLock;

use bestow_contract::FieldError;
use bestow_credential::{ClaimPath, DisclosureFrame};
use jsonschema::Validator;
use serde_json::Value;

use super::{Definition, Template, paths};
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
pub struct IssueTemplateError {
    /// The file's name.
    pub file: String,
    /// JSON pointer to the field, and what would be right.
    pub fault: FieldError,
}

/// Everything that is wrong with the template files. Displayed one fault a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueTemplateErrors(pub Vec<IssueTemplateError>);

impl fmt::Display for IssueTemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FieldError { pointer, reason } = &self.fault;
        let field = if pointer.is_empty() {
            "the file"
        } else {
            pointer
        };
        write!(formatter, "{}: {field} {reason}", self.file)
    }
}

impl fmt::Display for IssueTemplateErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for IssueTemplateErrors {}

pub(super) fn load(files: &[TemplateFile<'_>]) -> Result<Vec<Template>, IssueTemplateErrors> {
    load_by(files, load_one)
}

pub(super) fn check(files: &[TemplateFile<'_>]) -> Result<(), IssueTemplateErrors> {
    let form = form()?;
    load_by(files, |file| check_one(file, &form)).map(|_| ())
}

fn load_by(
    files: &[TemplateFile<'_>],
    load: impl Fn(&TemplateFile<'_>) -> Result<Template, Vec<FieldError>>,
) -> Result<Vec<Template>, IssueTemplateErrors> {
    let mut templates = Vec::with_capacity(files.len());
    let mut faults = Vec::new();
    for file in files {
        match load(file) {
            Ok(template) => templates.push(template),
            Err(found) => faults.extend(found.into_iter().map(|fault| in_file(file.name, fault))),
        }
    }
    find_duplicates(&templates, &mut faults);
    if files.is_empty() {
        let fault = FieldError::new("", "is missing: there must be at least one template");
        faults.push(in_file("(templates)", fault));
    }
    if faults.is_empty() {
        Ok(templates)
    } else {
        Err(IssueTemplateErrors(faults))
    }
}

/// The compiled form of [`SCHEMA`].
fn form() -> Result<Validator, IssueTemplateErrors> {
    let own_fault = |fault| IssueTemplateErrors(vec![in_file("template.schema.json", fault)]);
    let schema: Value = serde_json::from_str(SCHEMA)
        .map_err(|error| own_fault(FieldError::new("", format!("is not JSON: {error}"))))?;
    schema::compile(&schema).map_err(own_fault)
}

fn parse(file: &TemplateFile<'_>) -> Result<Value, FieldError> {
    bestow_jose::json::parse(file.text.as_bytes())
        .map_err(|error| FieldError::new("", format!("is not JSON: {}", innermost(&error))))
}

fn check_one(file: &TemplateFile<'_>, form: &Validator) -> Result<Template, Vec<FieldError>> {
    let value = parse(file).map_err(|fault| vec![fault])?;
    let faults = schema::faults(form, &value);
    if !faults.is_empty() {
        return Err(faults);
    }
    let template = load_one(file)?;
    match template.claims_validator() {
        Ok(_) => Ok(template),
        Err(found) => Err(vec![found.fault]),
    }
}

fn load_one(file: &TemplateFile<'_>) -> Result<Template, Vec<FieldError>> {
    let value = parse(file).map_err(|fault| vec![fault])?;
    let definition: Definition = serde_json::from_value(value)
        .map_err(|error| vec![FieldError::new("", format!("is not a template: {error}"))])?;

    let mut faults = Vec::new();
    check_names(&definition.claims_schema, &mut faults);
    check_claims(&definition, &mut faults);
    check_locales(
        "/display",
        &definition.display,
        |display| &display.locale,
        &mut faults,
    );
    let disclosable = definition
        .claims
        .iter()
        .filter(|claim| claim.selectively_disclosable);
    match DisclosureFrame::new(disclosable.map(|claim| &claim.path)) {
        Ok(frame) if faults.is_empty() => Ok(Template {
            file: file.name.to_owned(),
            definition,
            frame,
            claims_validator: OnceLock::new(),
        }),
        _ => Err(faults),
    }
}

pub(super) fn in_file(file: &str, fault: FieldError) -> IssueTemplateError {
    IssueTemplateError {
        file: file.to_owned(),
        fault,
    }
}

/// Claims that the issuer itself sets, or that SD-JWT keeps for itself, cannot be a backend's.
fn check_names(claims_schema: &Value, faults: &mut Vec<FieldError>) {
    for name in paths::top_level(claims_schema) {
        if bestow_credential::is_reserved_claim(name) {
            let pointer = schema::child("/claims_schema/properties", name);
            faults.push(FieldError::new(
                pointer,
                "has a name that is reserved: choose another one for the claim",
            ));
        }
    }
}

fn check_claims(definition: &Definition, faults: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (index, claim) in definition.claims.iter().enumerate() {
        let pointer = format!("/claims/{index}");
        let path = format!("{pointer}/path");
        if !paths::is_known(&definition.claims_schema, &claim.path) {
            faults.push(FieldError::new(
                path.clone(),
                "names a claim that claims_schema does not describe",
            ));
        }
        if !seen.insert(&claim.path) {
            faults.push(FieldError::new(
                path.clone(),
                "is there twice: describe each claim once",
            ));
        }
        if claim.selectively_disclosable
            && let Err(error) = DisclosureFrame::new([&claim.path])
        {
            faults.push(FieldError::new(
                path,
                format!("cannot be disclosable: {error}"),
            ));
        }
        let displays = format!("{pointer}/display");
        check_locales(&displays, &claim.display, |display| &display.locale, faults);
    }
    for name in paths::top_level(&definition.claims_schema) {
        if !seen.contains(&ClaimPath::claim(name)) {
            faults.push(FieldError::new(
                "/claims",
                format!("has no entry for the claim {name:?} of claims_schema"),
            ));
        }
    }
}

/// OpenID4VCI 1.0 §12.2.4: one display object for each language.
fn check_locales<D>(
    pointer: &str,
    displays: &[D],
    locale: impl Fn(&D) -> &String,
    faults: &mut Vec<FieldError>,
) {
    let mut seen = HashSet::new();
    for (index, display) in displays.iter().enumerate() {
        if !seen.insert(locale(display)) {
            faults.push(FieldError::new(
                format!("{pointer}/{index}/locale"),
                "is there twice: give one display for each language",
            ));
        }
    }
}

fn find_duplicates(templates: &[Template], faults: &mut Vec<IssueTemplateError>) {
    let mut owners: HashMap<(&str, &str), &str> = HashMap::new();
    for template in templates {
        let Template {
            file, definition, ..
        } = template;
        for (field, value) in [
            ("template_id", &definition.template_id),
            ("credential_type", &definition.credential_type),
            ("vct", &definition.vct),
        ] {
            if let Some(other) = owners.insert((field, value), file) {
                let fault = FieldError::new(
                    format!("/{field}"),
                    format!("is the same as in {other}: it must be unique"),
                );
                faults.push(in_file(file, fault));
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
