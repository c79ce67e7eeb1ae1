//! `AWS::SecretsManager::Secret` and the dynamic references to it.

use super::error::TemplateError;
use super::names::name_in_arn;
use super::resource::Resource;

/// A secret to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    /// Its name in the template.
    pub logical_id: String,
    /// How many characters it has.
    pub length: usize,
}

/// Secrets Manager's own default for `PasswordLength`.
const DEFAULT_LENGTH: i64 = 32;

impl Secret {
    /// Which characters it has (`Exclude…`) is left to the local cloud.
    pub(super) fn read(resource: &Resource<'_>) -> Result<Self, TemplateError> {
        let properties = resource.properties(&["GenerateSecretString"])?;
        let rules = properties.values.get("GenerateSecretString");
        if rules.is_none_or(|rules| rules.get("GenerateStringKey").is_some()) {
            let expected = "rules for one plain secret (PasswordLength, Exclude…)";
            return Err(resource.must_be("GenerateSecretString", expected));
        }
        let length = properties.number("/GenerateSecretString/PasswordLength")?;
        Ok(Self {
            logical_id: resource.logical_id.to_owned(),
            length: usize::try_from(length.unwrap_or(DEFAULT_LENGTH)).unwrap_or(usize::MAX),
        })
    }
}

/// Replaces each `{{resolve:secretsmanager:ARN}}` in `text` by what `secret` says of the name in the ARN; an error is
/// the first reference that is not a whole secret of this template.
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
