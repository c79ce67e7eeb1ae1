//! Issuing an SD-JWT VC.

use bestow_jose::jws::SigningInput;
use bestow_jose::{PublicJwk, Signature};
use bestow_signing::{SignError, SigningIdentity};
use bestow_status_list::StatusReference;
use serde_json::{Map, Value, json};

use crate::SD_JWT_VC;
use crate::disclosure::SALT_BYTES;
use crate::frame::DisclosureFrame;
use crate::reserved::reserved_names;
use crate::validity::Validity;

/// What an SD-JWT VC is made of.
#[derive(Clone)]
pub struct SdJwtVc<'a> {
    /// `vct`: the credential's type.
    pub vct: &'a str,
    /// `iss`: the issuer whose metadata holds the key; `None` where certificates alone name it.
    pub issuer: Option<&'a str>,
    /// What is said of the subject. None of them may have a [reserved name](reserved_names).
    pub claims: Map<String, Value>,
    /// Which of the claims are selectively disclosable.
    pub frame: &'a DisclosureFrame,
    /// `iat`, `nbf` and `exp`.
    pub validity: Validity,
    /// `cnf`: the holder's key; `None` for a credential that anyone may present.
    pub holder: Option<HolderBinding>,
    /// `status`: where to find out whether the credential has been revoked.
    pub status: Option<StatusReference>,
}

/// The key that a credential is bound to (`cnf`, RFC 7800).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderBinding {
    /// The key: the one whose possession the wallet proved.
    pub jwk: PublicJwk,
    /// The DID URL that the wallet named the key by, if it did. DIIP v5 wants it beside the key.
    pub kid: Option<String>,
}

/// Why a credential could not be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum IssueError {
    #[error("no claim may be named {0:?}")]
    ReservedName(String),
    #[error("no randomness for the salts")]
    Randomness(#[from] RandomnessError),
    #[error("the disclosures could not be made")]
    Disclosures(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the credential could not be signed")]
    Sign(#[from] SignError),
}

/// A source of randomness gave none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness failed")]
pub struct RandomnessError;

/// Fills the buffer with the operating system's randomness: the usual argument to [`SdJwtVc::prepare`].
pub fn system_randomness(buffer: &mut [u8]) -> Result<(), RandomnessError> {
    aws_lc_rs::rand::fill(buffer).map_err(|_| RandomnessError)
}

/// A credential that lacks its signature.
#[derive(Clone)]
pub struct PreparedSdJwtVc {
    input: SigningInput,
    disclosures: Vec<String>,
}

impl SdJwtVc<'_> {
    /// Makes the disclosures and the signing input. The header names the key of `identity`, whose signer is not
    /// asked. `fill_random` is called at most once, with room for all salts.
    pub fn prepare(
        self,
        identity: &SigningIdentity,
        fill_random: impl FnOnce(&mut [u8]) -> Result<(), RandomnessError>,
    ) -> Result<PreparedSdJwtVc, IssueError> {
        let reserved = reserved_names(&self.claims, 1).into_iter().flatten().last();
        if let Some(name) = reserved {
            return Err(IssueError::ReservedName(name));
        }
        let mut salts = vec![0; SALT_BYTES * self.frame.count(&self.claims)];
        if !salts.is_empty() {
            fill_random(&mut salts)?;
        }
        let mut payload = self.claims;
        let disclosures = self
            .frame
            .conceal(&mut payload, &salts)
            .map_err(|error| IssueError::Disclosures(error.into()))?;

        let mut set = |name: &str, value: Value| payload.insert(name.to_owned(), value);
        set("vct", self.vct.into());
        if let Some(issuer) = self.issuer {
            set("iss", issuer.into());
        }
        set("iat", self.validity.issued_at.as_second().into());
        if let Some(not_before) = self.validity.not_before {
            set("nbf", not_before.as_second().into());
        }
        if let Some(expires_at) = self.validity.expires_at {
            set("exp", expires_at.as_second().into());
        }
        if let Some(holder) = self.holder {
            set("cnf", holder.to_json());
        }
        if let Some(status_list) = self.status {
            set("status", json!({ "status_list": status_list }));
        }
        if !disclosures.is_empty() {
            set("_sd_alg", "sha-256".into());
        }
        let header = identity.header(SD_JWT_VC);
        let input = SigningInput::new(&header, &payload).map_err(SignError::from)?;
        Ok(PreparedSdJwtVc { input, disclosures })
    }

    /// Prepares, signs with the identity's key, and finishes.
    pub async fn issue(
        self,
        identity: &SigningIdentity,
        fill_random: impl FnOnce(&mut [u8]) -> Result<(), RandomnessError>,
    ) -> Result<String, IssueError> {
        let prepared = self.prepare(identity, fill_random)?;
        let signature = identity.signer().sign(prepared.signing_input()).await?;
        Ok(prepared.finish(&signature))
    }
}

impl PreparedSdJwtVc {
    /// The bytes to sign with ES256 (ASCII).
    pub fn signing_input(&self) -> &[u8] {
        self.input.as_bytes()
    }

    /// Joins signature and disclosures: `{JWT}~{disclosure 1}~…~{disclosure n}~` (RFC 9901 §4).
    pub fn finish(self, signature: &Signature) -> String {
        let mut credential = self.input.finish(signature);
        credential.push('~');
        for disclosure in &self.disclosures {
            credential.push_str(disclosure);
            credential.push('~');
        }
        credential
    }
}

impl HolderBinding {
    fn to_json(&self) -> Value {
        let jwk = self.jwk.to_json();
        match &self.kid {
            Some(kid) => json!({ "jwk": jwk, "kid": kid }),
            None => json!({ "jwk": jwk }),
        }
    }
}
