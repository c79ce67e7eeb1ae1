//! The bundled wallet's configuration, in parts: a function reads what it needs.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use bestow_aws::sdk::Sdk;
use bestow_issuer::{
    CredentialOffers, Issuer, IssuerIdentifier, OFFER_LIFETIME, TemplateFile, Templates, WalletKeys,
};
use bestow_jose::{CertificateChain, ChainError};
use bestow_runtime::{ConfigError, Env};
use bestow_signing::{LocalKey, Signer, SigningIdentity};
use jiff::{SignedDuration, Timestamp};

use crate::kms_key::KmsKey;
use crate::wallet_table::WalletTable;

/// The files of `infra/issue-templates/`, as name and content.
const TEMPLATE_FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/issue_templates.rs"));

const LIFETIME: &str = "OFFER_LIFETIME_SECONDS";
const LIFETIMES: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(7 * 24);
const CHAIN: &str = "SIGNING_CERTIFICATE_CHAIN";
/// Time before the end of its certificates at which each start of the wallet begins to warn.
const WARNING: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The wallet's table: `WALLET_TABLE`.
pub fn table(env: &Env, sdk: &Sdk) -> Result<WalletTable, ConfigError> {
    let table = env.required(
        "WALLET_TABLE",
        "the name of the bundled wallet's table (or WALLET_BASE_URL, for another wallet)",
    )?;
    Ok(WalletTable::new(sdk.dynamodb(), table))
}

/// The Credential Issuer Identifier: `CREDENTIAL_ISSUER`, the public base URL, without a path.
pub fn identifier(env: &Env) -> Result<IssuerIdentifier, ConfigError> {
    env.required("CREDENTIAL_ISSUER", "an https URL without a path")?
        .parse()
        .map_err(|fault| ConfigError::invalid("CREDENTIAL_ISSUER", fault))
}

/// What makes offers.
///
/// | variable | what it is |
/// |---|---|
/// | `CREDENTIAL_ISSUER` | see [`identifier`] |
/// | `WALLET_SECRET` | at least 32 characters, from which all symmetric keys are derived |
/// | `OFFER_LIFETIME_SECONDS` | optional: for how long an offer can be taken, 60 to 604,800; 900 otherwise |
pub fn offers(env: &Env) -> Result<CredentialOffers, ConfigError> {
    let identifier = identifier(env)?;
    let secret = env.master_secret("WALLET_SECRET")?;
    let keys = WalletKeys::derive(&secret, identifier.as_str())
        .map_err(|fault| ConfigError::invalid("WALLET_SECRET", fault))?;
    let lifetime = offer_lifetime(env)?;
    Ok(CredentialOffers::new(identifier, keys, templates()?).with_lifetime(lifetime))
}

/// The whole issuer. It reads the public half of the signing key from KMS, if it is there.
///
/// | variable | what it is |
/// |---|---|
/// | those of [`offers`] | |
/// | `SIGNING_KMS_KEY_ID` | the P-256 key in KMS that signs; or |
/// | `SIGNING_KEY` | the P-256 key itself, PKCS#8 PEM |
/// | `SIGNING_CERTIFICATE_CHAIN` | optional: its certificates, PEM, leaf first; left out once expired |
pub async fn issuer(env: &Env, sdk: &Sdk) -> Result<Issuer, ConfigError> {
    let offers = offers(env)?;
    Ok(Issuer::new(offers, signing_identity(env, sdk).await?))
}

fn offer_lifetime(env: &Env) -> Result<Duration, ConfigError> {
    let lifetime = env.parsed(LIFETIME)?.map(Duration::from_secs);
    let lifetime = lifetime.unwrap_or(OFFER_LIFETIME);
    if !LIFETIMES.contains(&lifetime) {
        let reason = "an offer can be taken for 60 to 604800 seconds (a week)";
        return Err(ConfigError::invalid(LIFETIME, reason));
    }
    Ok(lifetime)
}

/// Finds all that is wrong with the issue templates. To be asked before a deployment: a function that runs finds what
/// is wrong with a `claims_schema` when the template is first used.
pub fn check_templates() -> Result<(), ConfigError> {
    check(TEMPLATE_FILES)
}

fn check(files: &[(&str, &str)]) -> Result<(), ConfigError> {
    Templates::check(&named(files)).map_err(ConfigError::content)
}

fn templates() -> Result<Templates, ConfigError> {
    Templates::load(&named(TEMPLATE_FILES)).map_err(ConfigError::content)
}

fn named<'a>(files: &[(&'a str, &'a str)]) -> Vec<TemplateFile<'a>> {
    files
        .iter()
        .map(|&(name, text)| TemplateFile { name, text })
        .collect()
}

async fn signing_identity(env: &Env, sdk: &Sdk) -> Result<SigningIdentity, ConfigError> {
    let in_kms = env.optional("SIGNING_KMS_KEY_ID").is_some();
    let signer: Arc<dyn Signer> = match env.optional("SIGNING_KEY") {
        Some(_) if in_kms => {
            return Err(ConfigError::invalid(
                "SIGNING_KEY",
                "SIGNING_KMS_KEY_ID is set too; set one of the two",
            ));
        }
        Some(pem) => Arc::new(
            LocalKey::from_pkcs8_pem(pem)
                .map_err(|fault| ConfigError::invalid("SIGNING_KEY", fault))?,
        ),
        None => {
            let expected = "a KMS key (or set SIGNING_KEY instead)";
            let key_id = env.required("SIGNING_KMS_KEY_ID", expected)?;
            Arc::new(
                KmsKey::load(sdk, key_id)
                    .await
                    .map_err(|fault| ConfigError::invalid("SIGNING_KMS_KEY_ID", fault))?,
            )
        }
    };
    let kid = signer.public_jwk().thumbprint();
    let identity = SigningIdentity::new(signer, kid);
    match env.optional(CHAIN) {
        Some(pem) => certified(identity, pem, now()),
        None => Ok(identity),
    }
}

/// The identity with its certificates; without them once one has expired, because status lists must go on being
/// signed, and can be verified by the published key.
fn certified(
    identity: SigningIdentity,
    pem: &str,
    now: Timestamp,
) -> Result<SigningIdentity, ConfigError> {
    let invalid = |fault: ChainError| ConfigError::invalid(CHAIN, fault);
    let chain = CertificateChain::from_pem(pem).map_err(invalid)?;
    let left = chain.not_after().map_err(invalid)?.duration_since(now);
    match identity.clone().with_chain(chain, now) {
        Ok(certified) => {
            if left < WARNING {
                let days_left = left.as_hours() / 24;
                tracing::warn!(days_left, "{CHAIN} expires soon: renew it");
            }
            Ok(certified)
        }
        Err(fault @ ChainError::Expired { .. }) => {
            tracing::error!(
                %fault,
                "{CHAIN} has expired: signatures go out without x5c until it is renewed"
            );
            Ok(identity)
        }
        Err(fault) => Err(invalid(fault)),
    }
}

/// The present, by the machine's clock.
pub fn now() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests;
