//! The wallet's symmetric keys, all derived from one secret.

use bestow_sealing::{CryptoError, DerivationKey, MacKey, SyntheticAead};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::offer::OfferId;

/// Characters (bytes, if not ASCII) that `WALLET_SECRET` must have at least.
pub const MINIMUM_SECRET_LENGTH: usize = 32;

/// Domain separation from whatever else the same secret might feed.
const SALT: &[u8] = b"bestow/wallet/v1";

/// Every symmetric key of the wallet, each for one use; none prints. Rotating the secret ends all pending offers.
#[derive(Debug)]
pub struct WalletKeys {
    /// Seals codes, tokens, nonces and notification ids.
    pub(crate) seal: SyntheticAead,
    /// Offer to transaction code.
    pub(crate) tx_code: MacKey,
    /// Parent of the claims keys, one for each offer.
    claims: DerivationKey,
}

/// Why the wallet's keys could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum KeyError {
    #[error(
        "has fewer than {MINIMUM_SECRET_LENGTH} characters: generate one, e.g. with `openssl rand -base64 48`"
    )]
    SecretTooShort,
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl WalletKeys {
    /// Derives all keys with HKDF-SHA256 (RFC 5869). An issuer of another `credential_issuer` (the Credential Issuer
    /// Identifier) opens no sealed value of this one.
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

    /// The key for the claims of one offer.
    pub(crate) fn claims_key(
        &self,
        offer_id: &OfferId,
        created_at: Timestamp,
    ) -> Result<SyntheticAead, CryptoError> {
        aead(&self.claims.derive(&[
            offer_id.as_str().as_bytes(),
            &created_at.as_second().to_be_bytes(),
        ])?)
    }
}

fn aead(parent: &DerivationKey) -> Result<SyntheticAead, CryptoError> {
    parent.synthetic_aead(&[b"cipher"], &[b"nonce"])
}
