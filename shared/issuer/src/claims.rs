//! Claims at rest: encrypted with a key that each offer has for itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_contract::Claims;
use bestow_sealing::CryptoError;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::keys::WalletKeys;
use crate::offer::{EncryptedClaims, Offer, OfferId};
use crate::seal::seal;

const PURPOSE: &str = "claims";

impl WalletKeys {
    pub(crate) fn encrypt_claims(
        &self,
        offer_id: &OfferId,
        created_at: Timestamp,
        claims: &[u8],
    ) -> Result<EncryptedClaims, CryptoError> {
        let key = self.claims_key(offer_id, created_at)?;
        let sealed = seal(&key, PURPOSE, claims)?;
        Ok(EncryptedClaims(URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// The claims of an offer. None if they were erased, or are not this offer's.
    pub(crate) fn decrypt_claims(&self, offer: &Offer) -> Option<Map<String, Value>> {
        let encrypted = offer.encrypted_claims.as_ref()?;
        let key = self.claims_key(&offer.offer_id, offer.created_at).ok()?;
        let sealed = URL_SAFE_NO_PAD.decode(&encrypted.0).ok()?;
        let plaintext = key.open(PURPOSE.as_bytes(), sealed).ok()?;
        let claims: Claims = serde_json::from_slice(&plaintext).ok()?;
        Some(claims.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_that_are_stored_still_open_for_their_offer() {
        let secret = "a secret of at least thirty-two characters".to_owned();
        let keys = WalletKeys::derive(&secret.into(), "https://issuer.example").unwrap();
        let id: OfferId = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let sealed = |second| {
            let created_at = Timestamp::from_second(second).unwrap();
            keys.encrypt_claims(&id, created_at, b"{}").unwrap().0
        };
        let stored = "WyI2zsam9rcYwVZSYxGdQXZcGunt9niCZCE71AwK";
        assert_eq!(sealed(1_763_920_000), stored);
        assert_ne!(sealed(1_763_920_001), stored);
    }
}
