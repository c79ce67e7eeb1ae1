//! The wallet's symmetric keys, all derived from one secret.

use std::fmt;

use aws_lc_rs::{hkdf, hmac};
use secrecy::{ExposeSecret, SecretString};

use crate::seal::SyntheticAead;

/// Characters (bytes, if not ASCII) that `WALLET_SECRET` must have at least.
pub const MINIMUM_SECRET_LENGTH: usize = 32;

/// Domain separation from whatever else the same secret might feed.
const SALT: &[u8] = b"bestow/wallet/v1";

/// Every symmetric key of the wallet. Each has one use, so that a value made for one use means
/// nothing in another.
///
/// The keys are the same for as long as the secret is: rotating the secret ends all pending offers.
pub struct WalletKeys {
    /// Seals codes, tokens, nonces and notification ids. Bound to the credential issuer, so that a
    /// value of one issuer is garbage to another that happens to share the secret.
    pub(crate) seal: SyntheticAead,
    /// Offer to transaction code.
    pub(crate) tx_code: hmac::Key,
    /// Parent of the claims keys, one for each offer.
    claims: hkdf::Prk,
}

/// Why the wallet's keys could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret could be guessed.
    #[error(
        "has fewer than {MINIMUM_SECRET_LENGTH} characters: generate one, e.g. with `openssl rand -base64 48`"
    )]
    SecretTooShort,
    /// The cryptographic library refused a key of a fixed, legal length.
    #[error("the cryptographic library could not derive a key")]
    Derivation,
}

impl WalletKeys {
    /// Derives all keys with HKDF-SHA256 (RFC 5869) from `secret`, which is `WALLET_SECRET`.
    ///
    /// `credential_issuer` is the Credential Issuer Identifier: sealed values of one issuer cannot
    /// be opened by another.
    ///
    /// # Errors
    /// [`KeyError::SecretTooShort`] below [`MINIMUM_SECRET_LENGTH`] characters.
    pub fn derive(secret: &SecretString, credential_issuer: &str) -> Result<Self, KeyError> {
        let secret = secret.expose_secret();
        if secret.len() < MINIMUM_SECRET_LENGTH {
            return Err(KeyError::SecretTooShort);
        }
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(secret.as_bytes());
        let issuer = credential_issuer.as_bytes();
        Ok(Self {
            seal: SyntheticAead::derive(&expand(&root, &[b"seal", issuer])?)?,
            tx_code: hmac_key(&root, b"tx-code")?,
            claims: expand(&root, &[b"claims"])?,
        })
    }

    /// The key for the claims of one offer, which `offer` names.
    pub(crate) fn claims_key(&self, offer: &[u8]) -> Result<SyntheticAead, KeyError> {
        SyntheticAead::derive(&expand(&self.claims, &[offer])?)
    }
}

impl fmt::Debug for WalletKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WalletKeys(redacted)")
    }
}

/// A key that further keys are derived from.
fn expand(parent: &hkdf::Prk, info: &[&[u8]]) -> Result<hkdf::Prk, KeyError> {
    let okm = parent.expand(info, hkdf::HKDF_SHA256);
    okm.map(hkdf::Prk::from).map_err(|_| KeyError::Derivation)
}

/// An HMAC key for one purpose.
pub(crate) fn hmac_key(parent: &hkdf::Prk, purpose: &[u8]) -> Result<hmac::Key, KeyError> {
    let info = [purpose];
    let okm = parent.expand(&info, hmac::HMAC_SHA256);
    okm.map(hmac::Key::from).map_err(|_| KeyError::Derivation)
}
