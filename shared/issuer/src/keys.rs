//! The wallet's symmetric keys, all derived from one secret.

use std::fmt;

use bestow_sealing::{CryptoError, DerivationKey, MacKey, SyntheticAead};
use secrecy::{ExposeSecret, SecretString};

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
    pub(crate) tx_code: MacKey,
    /// Parent of the claims keys, one for each offer.
    claims: DerivationKey,
}

/// Why the wallet's keys could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret could be guessed.
    #[error(
        "has fewer than {MINIMUM_SECRET_LENGTH} characters: generate one, e.g. with `openssl rand -base64 48`"
    )]
    SecretTooShort,
    /// The cryptographic library failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
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
        if secret.expose_secret().len() < MINIMUM_SECRET_LENGTH {
            return Err(KeyError::SecretTooShort);
        }
        let root = DerivationKey::extract(SALT, secret);
        let seal = root.derive(&[b"seal", credential_issuer.as_bytes()])?;
        Ok(Self {
            seal: aead(&seal)?,
            tx_code: root.mac_key(&[b"tx-code"])?,
            claims: root.derive(&[b"claims"])?,
        })
    }

    /// The key for the claims of one offer, which `offer` names.
    pub(crate) fn claims_key(&self, offer: &[u8]) -> Result<SyntheticAead, CryptoError> {
        aead(&self.claims.derive(&[offer])?)
    }
}

fn aead(parent: &DerivationKey) -> Result<SyntheticAead, CryptoError> {
    parent.synthetic_aead(&[b"cipher"], &[b"nonce"])
}

impl fmt::Debug for WalletKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WalletKeys(redacted)")
    }
}
