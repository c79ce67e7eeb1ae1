//! Credential issue templates: what each kind of credential is made of.
//!
//! A template is a JSON file; `template.schema.json` beside this module says what may stand in one, and
//! [`Templates::load`] checks what a schema cannot say. Compiling JSON Schemas takes more time than all else that a
//! function does to start, so a function compiles `claims_schema` when the template is first used, and the whole is held
//! by [`Templates::check`] before.

mod load;
mod paths;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bestow_contract::FieldError;
use bestow_credential::{ClaimPath, DisclosureFrame};
use jsonschema::Validator;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use load::{IssueTemplateError, IssueTemplateErrors, TemplateFile};

use crate::schema;

/// A credential issue template.
#[derive(Debug)]
pub struct Template {
    file: String,
    definition: Definition,
    frame: DisclosureFrame,
    claims_validator: OnceLock<Result<Validator, FieldError>>,
}

/// Why claims were not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimsRefused {
    /// The first fifty faults of the claims. None quotes a value.
    Rejected(Vec<FieldError>),
    /// `claims_schema` cannot be used: the template's own fault.
    Template(IssueTemplateError),
}

/// The content of a template file.
#[derive(Debug, Deserialize)]
pub(crate) struct Definition {
    pub(crate) template_id: String,
    pub(crate) credential_type: String,
    pub(crate) vct: String,
    pub(crate) valid_for_days: u32,
    pub(crate) status_list: bool,
    pub(crate) display: Vec<CredentialDisplay>,
    pub(crate) claims_schema: Value,
    pub(crate) claims: Vec<ClaimEntry>,
}

/// How a wallet shows a credential in one language (OpenID4VCI 1.0 §12.2.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialDisplay {
    /// Name of the credential.
    pub name: String,
    /// Language, BCP 47.
    pub locale: String,
    /// What the credential is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The issuer's or the credential's mark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<Image>,
    /// `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background_color: Option<String>,
    /// What stands behind the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background_image: Option<Image>,
    /// `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_color: Option<String>,
}

/// A picture by address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `https:` URL of a PNG or SVG picture, or `data:` URI of a PNG.
    pub uri: String,
    /// For those who do not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt_text: Option<String>,
}

/// One claim of a template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClaimEntry {
    /// Where the claim is.
    pub path: ClaimPath,
    /// Whether the holder can leave it out of a presentation.
    pub selectively_disclosable: bool,
    /// Name of the claim, once for each language.
    pub display: Vec<ClaimDisplay>,
}

/// The name of a claim in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimDisplay {
    /// Name of the claim.
    pub name: String,
    /// Language, BCP 47.
    pub locale: String,
}

impl Template {
    /// What a backend sends as `template_id`.
    #[must_use]
    pub fn template_id(&self) -> &str {
        &self.definition.template_id
    }

    /// The `credential_configuration_id` in the metadata, and the scope.
    #[must_use]
    pub fn configuration_id(&self) -> &str {
        &self.definition.credential_type
    }

    /// The SD-JWT VC type.
    #[must_use]
    pub fn vct(&self) -> &str {
        &self.definition.vct
    }

    /// From issuance to expiry.
    #[must_use]
    pub fn validity(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.definition.valid_for_days))
    }

    /// Which claims are selectively disclosable.
    #[must_use]
    pub const fn frame(&self) -> &DisclosureFrame {
        &self.frame
    }

    /// Whether the credential can be suspended and revoked.
    #[must_use]
    pub const fn has_status_list(&self) -> bool {
        self.definition.status_list
    }

    /// How a wallet shows the credential. Never empty; the first is the default language.
    #[must_use]
    pub fn display(&self) -> &[CredentialDisplay] {
        &self.definition.display
    }

    /// The claims, in the order in which a wallet shows them.
    #[must_use]
    pub fn claims(&self) -> &[ClaimEntry] {
        &self.definition.claims
    }

    /// Whether the schema makes the claim at `path` compulsory.
    #[must_use]
    pub fn is_mandatory(&self, path: &ClaimPath) -> bool {
        paths::is_mandatory(&self.definition.claims_schema, path)
    }

    /// Checks what a backend sent against the schema, and that no name in it is reserved: what passes
    /// here can be issued.
    ///
    /// # Errors
    /// [`ClaimsRefused`].
    pub fn check_claims(&self, claims: &Map<String, Value>) -> Result<(), ClaimsRefused> {
        let validator = self.claims_validator().map_err(ClaimsRefused::Template)?;
        let mut faults = schema::faults(validator, &Value::Object(claims.clone()));
        let room = schema::MAXIMUM_FAULTS.saturating_sub(faults.len());
        faults.extend(
            bestow_credential::reserved_names(claims, room)
                .iter()
                .map(|path| {
                    let pointer = path
                        .iter()
                        .fold(String::new(), |pointer, name| schema::child(&pointer, name));
                    FieldError::new(pointer, "has a name that is reserved: choose another one")
                }),
        );
        if faults.is_empty() {
            Ok(())
        } else {
            Err(ClaimsRefused::Rejected(faults))
        }
    }

    /// The compiled `claims_schema`. The first call compiles it.
    fn claims_validator(&self) -> Result<&Validator, IssueTemplateError> {
        let compiled = self
            .claims_validator
            .get_or_init(|| schema::compile(&self.definition.claims_schema));
        compiled.as_ref().map_err(|fault| {
            let pointer = format!("/claims_schema{}", fault.pointer);
            load::in_file(&self.file, FieldError::new(pointer, fault.reason.clone()))
        })
    }
}

/// All templates of an issuer, each key, type and `vct` once.
#[derive(Debug, Clone)]
pub struct Templates(Arc<[Template]>);

impl Templates {
    /// Reads template files. All faults of all files are told at once.
    ///
    /// # Errors
    /// Each fault with its file, the JSON pointer of the field, and what would be right. No file at
    /// all is a fault as well. What only the schemas can tell is left to [`Templates::check`].
    pub fn load(files: &[TemplateFile<'_>]) -> Result<Self, IssueTemplateErrors> {
        load::load(files).map(|templates| Self(templates.into()))
    }

    /// Finds all that is wrong with template files: they must be as `template.schema.json` says, load, and have a
    /// `claims_schema` that can be used.
    ///
    /// # Errors
    /// As [`Templates::load`].
    pub fn check(files: &[TemplateFile<'_>]) -> Result<(), IssueTemplateErrors> {
        load::check(files)
    }

    /// All, in the order of their files.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        self.0.iter()
    }

    /// The template that a backend means.
    #[must_use]
    pub fn by_template_id(&self, template_id: &str) -> Option<&Template> {
        self.iter()
            .find(|template| template.template_id() == template_id)
    }

    /// The template that a wallet means.
    #[must_use]
    pub fn by_configuration_id(&self, configuration_id: &str) -> Option<&Template> {
        self.iter()
            .find(|template| template.configuration_id() == configuration_id)
    }

    /// The template that a wallet of draft 13 means.
    #[must_use]
    pub fn by_vct(&self, vct: &str) -> Option<&Template> {
        self.iter().find(|template| template.vct() == vct)
    }
}

#[cfg(test)]
mod tests;
