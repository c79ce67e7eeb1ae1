//! Claims at rest: encrypted with a key that each offer has for itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::WalletKeys;
use crate::offer::{EncryptedClaims, OfferId};
use crate::seal::seal;

const PURPOSE: &str = "claims";

/// None only if the cryptographic library fails.
pub(crate) fn encrypt(
    keys: &WalletKeys,
    offer_id: &OfferId,
    created_at_seconds: i64,
    plaintext: &[u8],
) -> Option<EncryptedClaims> {
    let key = keys.claims_key(&name(offer_id, created_at_seconds)).ok()?;
    let sealed = seal(&key, PURPOSE, plaintext).ok()?;
    Some(EncryptedClaims(URL_SAFE_NO_PAD.encode(sealed)))
}

/// None if the claims are not this offer's, or were changed.
pub(crate) fn decrypt(
    keys: &WalletKeys,
    offer_id: &OfferId,
    created_at_seconds: i64,
    claims: &EncryptedClaims,
) -> Option<Vec<u8>> {
    let key = keys.claims_key(&name(offer_id, created_at_seconds)).ok()?;
    let sealed = URL_SAFE_NO_PAD.decode(&claims.0).ok()?;
    key.open(PURPOSE.as_bytes(), sealed).ok()
}

fn name(offer_id: &OfferId, created_at_seconds: i64) -> Vec<u8> {
    [
        offer_id.as_str().as_bytes(),
        &created_at_seconds.to_be_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{NOW, keys};

    #[test]
    fn claims_that_are_stored_still_open_for_their_offer() {
        let stored = EncryptedClaims("WyI2zsam9rcYwVZSYxGdQXZcGunt9niCZCE71AwK".to_owned());
        let id: OfferId = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let made = encrypt(&keys(), &id, NOW, b"{}").unwrap();
        assert_eq!(made.0, stored.0);
        assert_eq!(decrypt(&keys(), &id, NOW, &stored).unwrap(), b"{}");
        assert_eq!(decrypt(&keys(), &id, NOW + 1, &stored), None);
    }
}
