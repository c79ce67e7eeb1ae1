//! `AWS::SecretsManager::Secret` and the dynamic references to it.

use serde::Deserialize;

use super::error::TemplateError;
use super::evaluate::Evaluator;
use super::names::name_in_arn;
use super::resource::Resource;
use super::yaml::Whole;

/// A secret to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    /// Its name in the template.
    pub logical_id: String,
    /// How many characters it has.
    pub length: usize,
}

/// Secrets Manager's own default for `PasswordLength`.
const DEFAULT_LENGTH: u64 = 32;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    generate_secret_string: Rules,
}

/// How to make one. Which characters it has (`Exclude…`) is left to the local cloud.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rules {
    password_length: Option<Whole>,
    generate_string_key: Option<String>,
}

impl Secret {
    pub(super) fn read(
        resource: &Resource<'_>,
        evaluator: &Evaluator<'_>,
    ) -> Result<Self, TemplateError> {
        let left_out = ["Description", "KmsKeyId", "Name", "Tags"];
        let properties: Properties = resource.read(&left_out, evaluator)?;
        let rules = properties.generate_secret_string;
        if rules.generate_string_key.is_some() {
            let expected = "rules for one plain secret (PasswordLength, Exclude…)";
            return Err(resource.must_be("GenerateSecretString", expected));
        }
        let length = rules.password_length.map_or(DEFAULT_LENGTH, Whole::get);
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            length: usize::try_from(length).unwrap_or(usize::MAX),
        })
    }
}

/// Replaces each `{{resolve:secretsmanager:ARN}}` in `text` by what `secret` says of the name in
/// the ARN, or gives back the reference that it cannot.
///
/// # Errors
/// The first reference that is not a whole secret of this template.
pub(crate) fn resolve_secrets<'s>(
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
