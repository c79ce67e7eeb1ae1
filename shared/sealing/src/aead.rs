//! AES-256-GCM with nonces that cannot be used twice.

use std::fmt;

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use crate::{CryptoError, MacKey};

/// The text was not sealed by this key for this purpose, or was changed. No more is said to who may be guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sealed by this key for this purpose")]
pub struct OpenError;

/// A key whose nonce is an HMAC of the plaintext (a synthetic IV, as in RFC 5297): the same plaintext is always sealed to
/// the same bytes. Two plaintexts have the same nonce only by a collision of 96 bits.
pub struct SyntheticAead {
    cipher: LessSafeKey,
    nonce: MacKey,
}

impl SyntheticAead {
    pub(crate) fn new(cipher: LessSafeKey, nonce: MacKey) -> Self {
        Self { cipher, nonce }
    }

    /// Bytes by which what is sealed is longer than the plaintext: nonce and tag.
    pub const OVERHEAD: usize = NONCE_LEN + 16;

    /// Seals `plaintext`: nonce, ciphertext and tag. `purpose` is authenticated with them. The nonce
    /// is made of `prefix` and the plaintext.
    pub fn seal(
        &self,
        prefix: &[&[u8]],
        purpose: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let tag = self.nonce.sign(&[prefix, &[plaintext]].concat());
        let nonce = tag.as_ref().first_chunk().ok_or(CryptoError)?;
        let mut sealed = Vec::with_capacity(plaintext.len() + Self::OVERHEAD);
        sealed.extend_from_slice(plaintext);
        self.cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(purpose),
                &mut sealed,
            )
            .map_err(|_| CryptoError)?;
        sealed.splice(..0, *nonce);
        Ok(sealed)
    }

    /// Opens what [`SyntheticAead::seal`] made for the same purpose.
    pub fn open(&self, purpose: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, OpenError> {
        let (nonce, ciphertext) = sealed.split_first_chunk_mut().ok_or(OpenError)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plaintext = self
            .cipher
            .open_in_place(nonce, Aad::from(purpose), ciphertext)
            .map_err(|_| OpenError)?;
        Ok(plaintext.to_vec())
    }
}

/// A key that seals one message, so that its nonce is constant and is not stored.
pub struct OneTimeAead(LessSafeKey);

impl OneTimeAead {
    pub(crate) fn new(cipher: LessSafeKey) -> Self {
        Self(cipher)
    }

    /// Seals `plaintext`: ciphertext and tag. `purpose` is authenticated with them.
    pub fn seal(self, purpose: &[u8], mut plaintext: Vec<u8>) -> Result<Vec<u8>, CryptoError> {
        self.0
            .seal_in_place_append_tag(constant_nonce(), Aad::from(purpose), &mut plaintext)
            .map_err(|_| CryptoError)?;
        Ok(plaintext)
    }

    /// Opens what a key derived from the same `info` sealed for the same purpose.
    pub fn open(self, purpose: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut opened = sealed.to_vec();
        let plaintext = self
            .0
            .open_in_place(constant_nonce(), Aad::from(purpose), &mut opened)
            .map_err(|_| OpenError)?
            .len();
        opened.truncate(plaintext);
        Ok(opened)
    }
}

fn constant_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

impl fmt::Debug for SyntheticAead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SyntheticAead(redacted)")
    }
}

impl fmt::Debug for OneTimeAead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeAead(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{AES_256_GCM, UnboundKey};
    use proptest::prelude::*;

    use super::*;
    use crate::DerivationKey;

    fn parent(secret: &str) -> DerivationKey {
        DerivationKey::extract(b"test", &secret.to_owned().into())
    }

    fn synthetic(secret: &str) -> SyntheticAead {
        let keys = parent(secret).synthetic_aead(&[b"cipher"], &[b"nonce"]);
        keys.unwrap()
    }

    /// Test case 14 of the GCM specification (McGrew and Viega): all zeros.
    #[test]
    fn one_message_is_sealed_as_gcm_says() {
        let key = || LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[0; 32]).unwrap());
        let sealed = OneTimeAead::new(key()).seal(b"", vec![0; 16]).unwrap();
        let expected = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
        assert_eq!(hex::encode(&sealed), expected);
        let opened = OneTimeAead::new(key()).open(b"", &sealed);
        assert_eq!(opened.unwrap(), [0; 16]);
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_by_its_key_and_for_its_purpose_only(plaintext: Vec<u8>) {
            let sealed = synthetic("a").seal(&[], b"one", &plaintext).unwrap();
            prop_assert_eq!(sealed.len(), plaintext.len() + SyntheticAead::OVERHEAD);
            prop_assert_eq!(synthetic("a").open(b"one", sealed.clone()), Ok(plaintext.clone()));
            prop_assert_eq!(synthetic("a").open(b"other", sealed.clone()), Err(OpenError));
            prop_assert_eq!(synthetic("b").open(b"one", sealed.clone()), Err(OpenError));
            prop_assert_eq!(synthetic("a").seal(&[], b"one", &plaintext).unwrap(), sealed);

            let key = |secret, info| parent(secret).one_time_aead(&[info]).unwrap();
            let sealed = key("a", b"1").seal(b"one", plaintext.clone()).unwrap();
            prop_assert_eq!(key("a", b"1").open(b"one", &sealed), Ok(plaintext));
            prop_assert_eq!(key("a", b"1").open(b"other", &sealed), Err(OpenError));
            prop_assert_eq!(key("a", b"2").open(b"one", &sealed), Err(OpenError));
            prop_assert_eq!(key("b", b"1").open(b"one", &sealed), Err(OpenError));
        }

        #[test]
        fn what_was_changed_does_not_open(
            plaintext in prop::collection::vec(any::<u8>(), 0..20),
            at: prop::sample::Index,
            bit in 0..8_u8,
        ) {
            let mut sealed = synthetic("a").seal(&[], b"one", &plaintext).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            prop_assert_eq!(synthetic("a").open(b"one", sealed), Err(OpenError));
        }
    }

    #[test]
    fn two_plaintexts_and_two_prefixes_have_two_nonces() {
        let nonce = |prefix: &[&[u8]], plaintext: &[u8]| {
            let sealed = synthetic("a").seal(prefix, b"one", plaintext).unwrap();
            sealed[..NONCE_LEN].to_vec()
        };
        assert_ne!(nonce(&[], b"x"), nonce(&[], b"y"));
        assert_ne!(nonce(&[b"1"], b"x"), nonce(&[b"2"], b"x"));
    }

    #[test]
    fn too_short_a_text_does_not_open() {
        for length in 0..SyntheticAead::OVERHEAD {
            assert_eq!(synthetic("a").open(b"", vec![0; length]), Err(OpenError));
        }
    }
}
