//! The wallet's configuration.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws::KmsKey;
use aws::sdk::Sdk;
use aws::wallet_table::WalletTable;
use issuer::{Issuer, IssuerIdentifier, TemplateFile, Templates, WalletKeys};
use runtime::{ApiKeys, ConfigError, Env};
use signing::{CertificateChain, LocalKey, Signer, SigningIdentity};

/// The files of `infra/issue-templates/`, as name and content.
const TEMPLATE_FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/issue_templates.rs"));

/// Everything that the wallet works with.
pub(crate) struct Config {
    pub(crate) issuer: Issuer,
    pub(crate) table: WalletTable,
    pub(crate) api_keys: ApiKeys,
}

impl Config {
    /// Reads the environment, and the public half of the signing key from KMS if it is there.
    ///
    /// | variable | what it is |
    /// |---|---|
    /// | `CREDENTIAL_ISSUER` | the Credential Issuer Identifier: the public base URL, without a path |
    /// | `WALLET_TABLE` | the table's name |
    /// | `WALLET_API_KEY` | the key that the backend calls with |
    /// | `WALLET_SECRET` | at least 32 characters, from which all symmetric keys are derived |
    /// | `SIGNING_KMS_KEY_ID` | the P-256 key in KMS that signs; or |
    /// | `SIGNING_KEY` | the P-256 key itself, PKCS#8 PEM |
    /// | `SIGNING_CERTIFICATE_CHAIN` | optional: its certificates, PEM, leaf first |
    pub(crate) async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let identifier: IssuerIdentifier = env
            .parsed("CREDENTIAL_ISSUER")?
            .ok_or_else(|| missing("CREDENTIAL_ISSUER", "an https URL without a path"))?;
        let secret = env.master_secret("WALLET_SECRET")?;
        let keys = WalletKeys::derive(&secret, identifier.as_str())
            .map_err(|fault| ConfigError::invalid("WALLET_SECRET", fault))?;
        let api_key = env.required("WALLET_API_KEY", "the key that the backend calls with")?;
        let table = env.required("WALLET_TABLE", "the name of the wallet's table")?;

        let sdk = Sdk::from_env(env)?;
        let signing = signing_identity(env, &sdk).await?;
        Ok(Self {
            issuer: Issuer::new(identifier, keys, signing, templates()?),
            table: WalletTable::new(sdk.dynamodb(), table),
            api_keys: ApiKeys::of_key(api_key),
        })
    }
}

fn missing(name: &str, expected: &str) -> ConfigError {
    ConfigError::Missing {
        name: name.to_owned(),
        expected: expected.to_owned(),
    }
}

fn templates() -> Result<Templates, ConfigError> {
    let files: Vec<_> = TEMPLATE_FILES
        .iter()
        .map(|&(name, text)| TemplateFile { name, text })
        .collect();
    Templates::load(&files).map_err(|faults| {
        ConfigError::invalid("infra/issue-templates (built into the function)", faults)
    })
}

async fn signing_identity(env: &Env, sdk: &Sdk) -> Result<SigningIdentity, ConfigError> {
    let local = env.optional("SIGNING_KEY");
    let in_kms = env.optional("SIGNING_KMS_KEY_ID");
    let signer: Arc<dyn Signer> = match (local, in_kms) {
        (Some(pem), None) => Arc::new(
            LocalKey::from_pkcs8_pem(pem)
                .map_err(|fault| ConfigError::invalid("SIGNING_KEY", fault))?,
        ),
        (None, Some(key_id)) => Arc::new(
            KmsKey::load(sdk.kms(), key_id)
                .await
                .map_err(|fault| ConfigError::invalid("SIGNING_KMS_KEY_ID", fault))?,
        ),
        (None, None) => {
            return Err(missing(
                "SIGNING_KMS_KEY_ID",
                "a KMS key (or set SIGNING_KEY instead)",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(ConfigError::invalid(
                "SIGNING_KEY",
                "SIGNING_KMS_KEY_ID is set too; set one of the two",
            ));
        }
    };

    let kid = signer.public_jwk().thumbprint();
    let identity = SigningIdentity::new(signer, kid);
    let Some(pem) = env.optional("SIGNING_CERTIFICATE_CHAIN") else {
        return Ok(identity);
    };
    CertificateChain::from_pem(pem)
        .and_then(|chain| identity.with_chain(chain, now_seconds()))
        .map_err(|fault| ConfigError::invalid("SIGNING_CERTIFICATE_CHAIN", fault))
}

/// Unix time.
pub(crate) fn now_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}
