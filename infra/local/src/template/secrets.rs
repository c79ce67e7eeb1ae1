//! `AWS::SecretsManager::Secret` and the dynamic references to it.

use serde_json::Value as Json;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::names::name_in_arn;
use super::resource::Resource;

/// A secret to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name in the template.
    pub logical_id: String,
    /// How many characters it has.
    pub length: usize,
}

/// Secrets Manager's own default for `PasswordLength`.
const DEFAULT_LENGTH: u64 = 32;

impl Secret {
    pub(super) fn read(
        resource: &Resource<'_>,
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        resource.only(
            &["GenerateSecretString"],
            &["Description", "KmsKeyId", "Name", "Tags"],
        )?;
        let generate = resource.property("GenerateSecretString", evaluator)?;
        let length = match &generate {
            Some(Json::Object(rules)) if !rules.contains_key("GenerateStringKey") => rules
                .get("PasswordLength")
                .map_or(Some(DEFAULT_LENGTH), Json::as_u64),
            _ => None,
        };
        let length = length.and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or_else(|| {
            resource.at_properties(|place| {
                place
                    .key("GenerateSecretString")
                    .must_be("rules for one plain secret (PasswordLength, Exclude…)")
            })
        })?;
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            length,
        })
    }
}

/// Replaces each `{{resolve:secretsmanager:ARN}}` in `text` by what `secret` says of the name in
/// the ARN, or gives back the reference that it cannot.
///
/// # Errors
/// The first reference that is not a whole secret of this template.
pub fn resolve_secrets<'s>(
    text: &str,
    secret: impl Fn(&str) -> Option<&'s str>,
) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{resolve:") {
        let (reference, after) = after.split_once("}}").ok_or_else(|| rest.to_owned())?;
        let arn = reference
            .strip_prefix("secretsmanager:")
            .map(|id| id.trim_end_matches(':'))
            .map(|id| id.strip_suffix(":SecretString").unwrap_or(id));
        let value = arn
            .filter(|arn| arn.matches(':').count() == 6)
            .and_then(|arn| name_in_arn(arn, ":secret:"))
            .and_then(&secret)
            .ok_or_else(|| format!("{{{{resolve:{reference}}}}}"))?;
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}
