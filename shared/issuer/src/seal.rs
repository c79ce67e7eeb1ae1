//! Values that the wallet hands out and later takes back, with nothing stored in between.
//!
//! Pre-authorized codes, access tokens, `c_nonce`s and notification ids carry their own content,
//! encrypted and authenticated. So none of them costs a lookup, and garbage is told from the genuine
//! before any store is asked.
//!
//! The encryption is AES-256-GCM whose nonce is an HMAC of purpose and plaintext (a synthetic IV, the
//! construction of RFC 5297 over GCM): the same content always gives the same text, which is what
//! lets an offer be fetched twice and show the same code. A nonce repeats with its plaintext, which
//! reveals nothing but that equality, and otherwise only by a collision of 96 bits.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::{KeyError, WalletKeys, hmac_key};

/// No sealed value of ours is longer; a longer one is refused before it is decoded.
const MAXIMUM_LENGTH: usize = 1024;

/// A value with content of its own that travels sealed.
pub trait Sealed: Serialize + DeserializeOwned {
    /// What the value is for. Authenticated, so that a code never passes for a token.
    const PURPOSE: &'static str;
}

/// The text was not sealed here, for this purpose, under this secret and issuer. It says no more,
/// because whoever sent it may be guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a value of this issuer")]
pub struct NotOurs;

/// The value could not be sealed: the cryptographic library failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library could not encrypt")]
pub struct SealFailed;

impl WalletKeys {
    /// Seals `value`: base64url without padding, the same text each time for the same value.
    ///
    /// # Errors
    /// [`SealFailed`] only if the cryptographic library fails.
    pub fn seal<T: Sealed>(&self, value: &T) -> Result<String, SealFailed> {
        let plaintext = serde_json::to_vec(value).map_err(|_| SealFailed)?;
        let sealed = self.seal.encrypt(T::PURPOSE.as_bytes(), plaintext)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`WalletKeys::seal`] made for the same type. Says nothing about expiry: that is in
    /// the content.
    ///
    /// # Errors
    /// [`NotOurs`] for anything else.
    pub fn open<T: Sealed>(&self, text: &str) -> Result<T, NotOurs> {
        if text.len() > MAXIMUM_LENGTH {
            return Err(NotOurs);
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotOurs)?;
        let plaintext = self.seal.decrypt(T::PURPOSE.as_bytes(), sealed)?;
        serde_json::from_slice(&plaintext).map_err(|_| NotOurs)
    }
}

/// AES-256-GCM with a synthetic nonce.
pub(crate) struct SyntheticAead {
    cipher: LessSafeKey,
    nonce: hmac::Key,
}

impl SyntheticAead {
    pub(crate) fn derive(parent: &hkdf::Prk) -> Result<Self, KeyError> {
        let info: [&[u8]; 1] = [b"cipher"];
        let cipher = parent
            .expand(&info, &AES_256_GCM)
            .map_err(|_| KeyError::Derivation)?;
        Ok(Self {
            cipher: LessSafeKey::new(UnboundKey::from(cipher)),
            nonce: hmac_key(parent, b"nonce")?,
        })
    }

    /// Nonce, ciphertext and tag. `purpose` is authenticated with them.
    pub(crate) fn encrypt(
        &self,
        purpose: &[u8],
        plaintext: Vec<u8>,
    ) -> Result<Vec<u8>, SealFailed> {
        let mut context = hmac::Context::with_key(&self.nonce);
        context.update(&(purpose.len() as u64).to_be_bytes());
        context.update(purpose);
        context.update(&plaintext);
        let tag = context.sign();
        let mut nonce = [0; NONCE_LEN];
        for (byte, synthetic) in nonce.iter_mut().zip(tag.as_ref()) {
            *byte = *synthetic;
        }

        let mut ciphertext = plaintext;
        self.cipher
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose),
                &mut ciphertext,
            )
            .map_err(|_| SealFailed)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + ciphertext.len());
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut ciphertext);
        Ok(sealed)
    }

    pub(crate) fn decrypt(&self, purpose: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, NotOurs> {
        let (nonce, ciphertext) = sealed.split_first_chunk_mut::<NONCE_LEN>().ok_or(NotOurs)?;
        let plaintext = self
            .cipher
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(purpose),
                ciphertext,
            )
            .map_err(|_| NotOurs)?;
        Ok(plaintext.to_vec())
    }
}

impl fmt::Debug for SyntheticAead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SyntheticAead(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Clone, Serialize, Deserialize)]
    struct Ticket(String, u64);
    impl Sealed for Ticket {
        const PURPOSE: &'static str = "ticket";
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Voucher(String, u64);
    impl Sealed for Voucher {
        const PURPOSE: &'static str = "voucher";
    }

    fn keys(secret: &str, issuer: &str) -> WalletKeys {
        WalletKeys::derive(&secret.to_owned().into(), issuer).unwrap()
    }

    fn ours() -> WalletKeys {
        keys(
            "a secret of at least thirty-two characters",
            "https://issuer.example",
        )
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens(text in ".{0,200}", number: u64) {
            let ticket = Ticket(text, number);
            let sealed = ours().seal(&ticket).unwrap();
            prop_assert_eq!(ours().open::<Ticket>(&sealed), Ok(ticket.clone()));
            prop_assert_eq!(ours().seal(&ticket).unwrap(), sealed, "sealing is deterministic");
        }

        #[test]
        fn a_changed_text_does_not_open(text in ".{0,20}", at: proptest::sample::Index, bit in 0..6u8) {
            let sealed = ours().seal(&Ticket(text, 1)).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(ours().open::<Ticket>(&URL_SAFE_NO_PAD.encode(bytes)), Err(NotOurs));
        }

        #[test]
        fn garbage_does_not_open(garbage in ".{0,300}") {
            prop_assert_eq!(ours().open::<Ticket>(&garbage), Err(NotOurs));
        }
    }

    #[test]
    fn a_value_opens_only_for_its_purpose_secret_and_issuer() {
        let sealed = ours().seal(&Ticket("content".into(), 1)).unwrap();
        assert_eq!(ours().open::<Voucher>(&sealed), Err(NotOurs));
        let other_secret = keys(
            "another secret of thirty-two characters",
            "https://issuer.example",
        );
        assert_eq!(other_secret.open::<Ticket>(&sealed), Err(NotOurs));
        let other_issuer = keys(
            "a secret of at least thirty-two characters",
            "https://other.example",
        );
        assert_eq!(other_issuer.open::<Ticket>(&sealed), Err(NotOurs));
    }

    #[test]
    fn an_overlong_text_is_refused() {
        assert_eq!(ours().open::<Ticket>(&"A".repeat(1025)), Err(NotOurs));
    }

    #[test]
    fn a_short_secret_is_refused() {
        let short = WalletKeys::derive(&"x".repeat(31).into(), "https://issuer.example");
        assert_eq!(short.err(), Some(KeyError::SecretTooShort));
    }

    #[test]
    fn keys_do_not_print() {
        assert_eq!(format!("{:?}", ours()), "WalletKeys(redacted)");
    }

    #[test]
    fn what_is_out_still_opens() {
        let sealed = "-UmMRq88KHD1aEhzML_fQ-buRcocHCUswq7QyBTrYhwObcGsnDcM5PY";
        let ticket = Ticket("content".into(), 1);
        assert_eq!(ours().seal(&ticket).unwrap(), sealed);
        assert_eq!(ours().open(sealed), Ok(ticket));
    }
}
