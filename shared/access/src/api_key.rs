//! The secret that a caller sends, its id, and its hash.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// What keys begin with, so that scanners of repositories and logs recognise one.
const PREFIX: &str = "bestow";

/// The digits of Crockford's base 32, in lower case: none looks like another.
const ID_DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const MAX_ID_LENGTH: usize = 40;

/// An API key, as a caller sends it in `x-api-key`. It is shown once, when it is made, and never stored.
pub struct ApiKey(SecretString);

/// The operating system's random number generator failed.
#[derive(Debug, Error)]
#[error("the operating system gives no randomness to make a key of")]
pub struct RandomnessError;

impl ApiKey {
    /// A new key, and its id.
    pub fn generate() -> Result<(KeyId, Self), RandomnessError> {
        let (mut id, mut secret) = ([0; 10], [0; 32]);
        aws_lc_rs::rand::fill(&mut id).map_err(|_| RandomnessError)?;
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| RandomnessError)?;
        let id = KeyId::of(id);
        let key = Self::of(&id, secret);
        Ok((id, key))
    }

    /// The key with this id and 256 bits of randomness: `bestow_ID_SECRET`, the secret in base 58.
    fn of(id: &KeyId, randomness: [u8; 32]) -> Self {
        let secret = bs58::encode(randomness).into_string();
        Self(SecretString::from(format!("{PREFIX}_{id}_{secret}")))
    }

    /// The key in clear.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Its hash, which is all that is stored of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.expose().as_bytes())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(…)")
    }
}

/// The name of a key. It is no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

/// Text that cannot be the id of a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} cannot be the id of an API key: an id has 1 to {MAX_ID_LENGTH} lower-case letters, digits and hyphens; \
     `keys list` shows them"
)]
pub struct KeyIdError(String);

impl KeyId {
    /// An id of ten digits: 50 bits of `randomness`.
    fn of(randomness: [u8; 10]) -> Self {
        let digit = |byte| ID_DIGITS.get(usize::from(byte & 31));
        let digits = randomness.into_iter().filter_map(digit);
        Self(digits.copied().map(char::from).collect())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let is_allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            // A key that was pasted by mistake must not be repeated whole.
            Err(KeyIdError(text.chars().take(12).collect()))
        }
    }
}

/// The SHA-256 of a key. A key is 256 random bits, so its plain hash is worthless to a thief.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of a key that was sent.
    pub fn of(key: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(hash)
    }

    /// The hash that the table holds: 64 hexadecimal digits.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash).ok()?;
        Some(Self(hash))
    }

    pub(crate) fn to_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Hides the hash: a key that a human chose could be searched for by it.
impl fmt::Debug for KeyHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_itself_and_hides_its_secret() {
        let id = KeyId::of([0, 31, 255, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(id.as_str(), "0zz1234567");
        let key = ApiKey::of(&id, [7; 32]);
        let secret = key.expose().strip_prefix("bestow_0zz1234567_").unwrap();
        assert_eq!(bs58::decode(secret).into_vec().unwrap(), [7; 32]);
        assert!(!format!("{key:?} {:?}", key.hash()).contains(secret));
    }

    #[test]
    fn a_hash_is_read_back() {
        let hash = KeyHash::of(b"key");
        assert!(KeyHash::from_hex(&hash.to_hex()).unwrap().matches(&hash));
        assert!(!KeyHash::of(b"kez").matches(&hash));
        for bad in ["", "é", "00", &hash.to_hex()[1..]] {
            assert!(KeyHash::from_hex(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_id_has_letters_digits_and_hyphens() {
        assert!("local".parse::<KeyId>().is_ok());
        assert!("0zz1234567".parse::<KeyId>().is_ok());
        let key = ApiKey::of(&"local".parse().unwrap(), [7; 32]);
        for bad in ["", "A", "a b", "a#b", &"a".repeat(41), key.expose()] {
            let fault = bad.parse::<KeyId>().unwrap_err().to_string();
            assert!(fault.len() < 200, "{fault}");
        }
    }
}
