//! Values that the wallet hands out and later takes back, with nothing stored in between: pre-authorized codes, access
//! tokens, `c_nonce`s and notification ids carry their own content, encrypted and authenticated.
//!
//! The encryption is deterministic ([`SyntheticAead`]), so that an offer that is fetched twice shows the same code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_sealing::{CryptoError, OpenError, SyntheticAead};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::WalletKeys;

/// No sealed value of ours is longer; a longer one is refused before it is decoded.
const MAXIMUM_LENGTH: usize = 1024;

/// A value with content of its own that travels sealed.
pub(crate) trait Sealed: Serialize + DeserializeOwned {
    /// What the value is for. Authenticated, so that a code never passes for a token.
    const PURPOSE: &'static str;
}

impl WalletKeys {
    /// Seals `value`: base64url without padding, the same text each time for the same value.
    pub(crate) fn seal<T: Sealed>(&self, value: &T) -> Result<String, CryptoError> {
        let plaintext = serde_json::to_vec(value).map_err(|_| CryptoError)?;
        let sealed = seal(&self.seal, T::PURPOSE, &plaintext)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`WalletKeys::seal`] made for the same type.
    pub(crate) fn open<T: Sealed>(&self, text: &str) -> Result<T, OpenError> {
        if text.len() > MAXIMUM_LENGTH {
            return Err(OpenError);
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| OpenError)?;
        let plaintext = self.seal.open(T::PURPOSE.as_bytes(), sealed)?;
        serde_json::from_slice(&plaintext).map_err(|_| OpenError)
    }
}

/// Seals `plaintext` for `purpose`, which goes into the nonce too.
pub(crate) fn seal(
    key: &SyntheticAead,
    purpose: &str,
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let length = (purpose.len() as u64).to_be_bytes();
    let purpose = purpose.as_bytes();
    key.seal(&[&length, purpose], purpose, plaintext)
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
            prop_assert_eq!(ours().open::<Ticket>(&URL_SAFE_NO_PAD.encode(bytes)), Err(OpenError));
        }

        #[test]
        fn garbage_does_not_open(garbage in ".{0,300}") {
            prop_assert_eq!(ours().open::<Ticket>(&garbage), Err(OpenError));
        }
    }

    #[test]
    fn a_value_opens_only_for_its_purpose_secret_and_issuer() {
        let sealed = ours().seal(&Ticket("content".into(), 1)).unwrap();
        assert_eq!(ours().open::<Voucher>(&sealed), Err(OpenError));
        let other_secret = keys(
            "another secret of thirty-two characters",
            "https://issuer.example",
        );
        assert_eq!(other_secret.open::<Ticket>(&sealed), Err(OpenError));
        let other_issuer = keys(
            "a secret of at least thirty-two characters",
            "https://other.example",
        );
        assert_eq!(other_issuer.open::<Ticket>(&sealed), Err(OpenError));
    }

    #[test]
    fn an_overlong_text_is_refused() {
        assert_eq!(ours().open::<Ticket>(&"A".repeat(1025)), Err(OpenError));
    }

    #[test]
    fn a_short_secret_is_refused() {
        let short = WalletKeys::derive(&"x".repeat(31).into(), "https://issuer.example");
        assert_eq!(short.err(), Some(crate::KeyError::SecretTooShort));
    }

    #[test]
    fn keys_do_not_print() {
        let redacted = "seal: SyntheticAead(redacted), tx_code: MacKey(redacted), claims: DerivationKey(redacted)";
        assert_eq!(
            format!("{:?}", ours()),
            format!("WalletKeys {{ {redacted} }}")
        );
    }

    #[test]
    fn what_is_out_still_opens() {
        let sealed = "-UmMRq88KHD1aEhzML_fQ-buRcocHCUswq7QyBTrYhwObcGsnDcM5PY";
        let ticket = Ticket("content".into(), 1);
        assert_eq!(ours().seal(&ticket).unwrap(), sealed);
        assert_eq!(ours().open(sealed), Ok(ticket));
    }
}
