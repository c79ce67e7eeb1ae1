//! The fingerprint by which a repeated Start issue is told from a different one.

use bestow_contract::{CorrelationId, StartIssue};
use bestow_sealing::{CryptoError, DerivationKey, MacKey};
use secrecy::SecretString;

/// Separates this use of the secret from any other.
const PURPOSE: &[u8] = b"bestow: hash of a Start issue request, version 1";

/// A hash of a Start issue request, as 64 lower-case hexadecimal digits. It is keyed, because a request holds claims,
/// and claims are easy to guess: without the key nobody who reads the table can test a guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHash(String);

impl RequestHash {
    /// A hash as it was stored.
    pub fn from_stored(digits: impl Into<String>) -> Self {
        Self(digits.into())
    }

    /// The hash as 64 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes [`RequestHash`]es with a key of its own.
pub struct RequestHasher(MacKey);

impl RequestHasher {
    /// Derives the key from `secret` by HKDF-SHA256 (RFC 5869) with an empty salt.
    ///
    /// # Errors
    /// Only if the cryptographic library fails.
    pub fn new(secret: &SecretString) -> Result<Self, CryptoError> {
        let key = DerivationKey::extract(&[], secret).mac_key(&[PURPOSE])?;
        Ok(Self(key))
    }

    /// The hash of `request` under the name `correlation_id`: the same for every spelling of the same request
    /// ([`StartIssue::canonical_json`]), and different for each issuance, so that the table does not show whose claims
    /// are alike.
    pub fn hash(&self, correlation_id: &CorrelationId, request: &StartIssue) -> RequestHash {
        // A correlation id is printable, so it never contains what separates it from the body.
        let parts = [
            correlation_id.as_str().as_bytes(),
            b"\n",
            &request.canonical_json(),
        ];
        RequestHash(hex::encode(self.0.sign(&parts)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(secret: &str) -> RequestHasher {
        RequestHasher::new(&SecretString::from(secret)).unwrap()
    }

    fn hash(secret: &str, correlation_id: &str, claims: &str) -> RequestHash {
        let body = format!(r#"{{"template_id": "issue_iban", "claims": {claims}}}"#);
        let request = StartIssue::from_json(body.as_bytes()).unwrap();
        hasher(secret).hash(&correlation_id.parse().unwrap(), &request)
    }

    #[test]
    fn the_same_request_has_the_same_hash_and_nothing_else_has() {
        let one = hash("secret", "a", r#"{"iban": "NL12", "bic": "TULINL2A"}"#);
        assert_eq!(
            one,
            hash("secret", "a", r#"{ "bic":"TULINL2A", "iban":"NL1\u0032" }"#)
        );
        assert_eq!(one.as_str().len(), 64);
        for other in [
            hash(
                "other secret",
                "a",
                r#"{"iban": "NL12", "bic": "TULINL2A"}"#,
            ),
            hash("secret", "b", r#"{"iban": "NL12", "bic": "TULINL2A"}"#),
            hash("secret", "a", r#"{"iban": "NL13", "bic": "TULINL2A"}"#),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn hashes_that_are_stored_stay_what_they_are() {
        let secret = "a secret of at least thirty-two characters";
        assert_eq!(
            hash(secret, "89cba89", r#"{"iban": "NL12"}"#).as_str(),
            "6474a3626cb15999cfede0e409e43521f3aa4e4485fd51072d6fd4280c8db328"
        );
    }
}
