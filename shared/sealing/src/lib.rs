//! Keys derived from a secret, and what they seal.
//!
//! Each use of a secret has a key of its own, which a [`DerivationKey`] makes by HKDF-SHA256 (RFC 5869). A [`MacKey`] is
//! for HMAC-SHA256. The keys that encrypt by AES-256-GCM choose the nonce themselves, so that none is used twice: a
//! [`SyntheticAead`] makes it from the plaintext, a [`OneTimeAead`] encrypts one message only.
//!
//! No key prints, and the library that holds them wipes them when they are dropped.

mod aead;

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use secrecy::{ExposeSecret, SecretString};

pub use aead::{OneTimeAead, OpenError, SyntheticAead};
pub use hmac::Tag;

/// The cryptographic library refused a key of a legal length, or to encrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library refused a key or a text")]
pub struct CryptoError;

/// A key that further keys are derived from.
pub struct DerivationKey(hkdf::Prk);

impl DerivationKey {
    /// Extracts the key from a secret. `salt` separates this use of the secret from others.
    pub fn extract(salt: &[u8], secret: &SecretString) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, salt);
        Self(salt.extract(secret.expose_secret().as_bytes()))
    }

    /// A key to derive further keys from. The parts of `info` are joined: they say what the key is
    /// for.
    pub fn derive(&self, info: &[&[u8]]) -> Result<Self, CryptoError> {
        self.expand(info, hkdf::HKDF_SHA256).map(Self)
    }

    /// A key for HMAC. The parts of `info` are joined.
    pub fn mac_key(&self, info: &[&[u8]]) -> Result<MacKey, CryptoError> {
        self.expand(info, hmac::HMAC_SHA256).map(MacKey)
    }

    /// A key that seals, whose nonces are made by a second key. The parts of each `info` are joined.
    pub fn synthetic_aead(
        &self,
        cipher_info: &[&[u8]],
        nonce_info: &[&[u8]],
    ) -> Result<SyntheticAead, CryptoError> {
        let nonce = self.mac_key(nonce_info)?;
        Ok(SyntheticAead::new(self.cipher(cipher_info)?, nonce))
    }

    /// A key that seals one message. The parts of `info` are joined, and must never be the same for
    /// two messages.
    pub fn one_time_aead(&self, info: &[&[u8]]) -> Result<OneTimeAead, CryptoError> {
        self.cipher(info).map(OneTimeAead::new)
    }

    fn cipher(&self, info: &[&[u8]]) -> Result<LessSafeKey, CryptoError> {
        let key: UnboundKey = self.expand(info, &AES_256_GCM)?;
        Ok(LessSafeKey::new(key))
    }

    fn expand<L: hkdf::KeyType, K: for<'a> From<hkdf::Okm<'a, L>>>(
        &self,
        info: &[&[u8]],
        length: L,
    ) -> Result<K, CryptoError> {
        let okm = self.0.expand(info, length);
        okm.map(K::from).map_err(|_| CryptoError)
    }
}

/// A key for HMAC-SHA256 (RFC 2104).
pub struct MacKey(hmac::Key);

impl MacKey {
    /// A key that is shared with somebody else, of any length.
    pub fn shared(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The authentication code of the joined parts.
    pub fn sign(&self, parts: &[&[u8]]) -> Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        context.sign()
    }

    /// Whether `tag` is the authentication code of `message`, compared in constant time.
    #[must_use]
    pub fn verifies(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl fmt::Debug for DerivationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivationKey(redacted)")
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869 Appendix A.1, the first 32 bytes of its output.
    #[test]
    fn keys_are_derived_as_the_rfc_says() {
        let secret = SecretString::from("\u{b}".repeat(22));
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let parent = DerivationKey::extract(&salt, &secret);
        let okm = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf";
        let expected = MacKey::shared(&hex::decode(okm).unwrap()).sign(&[b"x"]);
        for parts in [&[&info[..]][..], &[&info[..3], &info[3..]]] {
            let key = parent.mac_key(parts).unwrap();
            assert_eq!(key.sign(&[b"x"]).as_ref(), expected.as_ref());
        }
        let other = parent.derive(&[&info]).unwrap().mac_key(&[&info]).unwrap();
        assert_ne!(other.sign(&[b"x"]).as_ref(), expected.as_ref());
    }

    /// RFC 4231 §4.3.
    #[test]
    fn a_mac_is_that_of_the_rfc() {
        let key = MacKey::shared(b"Jefe");
        let tag = key.sign(&[b"what do ya want ", b"for nothing?"]);
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(tag), expected);
        assert!(key.verifies(b"what do ya want for nothing?", tag.as_ref()));
        assert!(!key.verifies(b"what do ya want for something?", tag.as_ref()));
        assert!(!key.verifies(b"what do ya want for nothing?", &tag.as_ref()[1..]));
    }

    #[test]
    fn keys_do_not_print() {
        let parent = DerivationKey::extract(b"", &SecretString::from("Geheimnis"));
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            parent,
            parent.mac_key(&[]).unwrap(),
            parent.synthetic_aead(&[], &[]).unwrap(),
            parent.one_time_aead(&[]).unwrap(),
        );
        let redacted = ["DerivationKey", "MacKey", "SyntheticAead", "OneTimeAead"]
            .map(|name| format!("{name}(redacted)"));
        assert_eq!(shown, redacted.join(" "));
    }
}
