//! The fingerprint by which a repeated Start issue is told from a different one.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use contract::{CorrelationId, StartIssue};
use secrecy::{ExposeSecret, SecretString};

/// Separates this use of the secret from any other.
const PURPOSE: &[u8] = b"bestow: hash of a Start issue request, version 1";

/// A keyed hash of a Start issue request, as 64 lower-case hexadecimal digits.
///
/// Keyed, because a request holds claims, and claims are easy to guess: without the key nobody who
/// reads the table can test a guess.
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
pub struct RequestHasher {
    key: hmac::Key,
}

impl RequestHasher {
    /// Derives the key from `secret` by HKDF-SHA256 (RFC 5869) with an empty salt.
    pub fn new(secret: &SecretString) -> Self {
        // One block of output, so that extract and expand are one HMAC each, which cannot fail.
        let extracted = hmac::sign(
            &hmac::Key::new(HMAC_SHA256, &[]),
            secret.expose_secret().as_bytes(),
        );
        let expanded = hmac::sign(
            &hmac::Key::new(HMAC_SHA256, extracted.as_ref()),
            &[PURPOSE, &[1]].concat(),
        );
        Self {
            key: hmac::Key::new(HMAC_SHA256, expanded.as_ref()),
        }
    }

    /// The hash of `request` under the name `correlation_id`: the same for every spelling of the same
    /// request ([`StartIssue::canonical_json`]), and different for each issuance, so that the table
    /// does not show whose claims are alike.
    pub fn hash(&self, correlation_id: &CorrelationId, request: &StartIssue) -> RequestHash {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(correlation_id.as_str().as_bytes());
        // A correlation id is printable, so it never contains what separates it from the body.
        context.update(b"\n");
        context.update(&request.canonical_json());
        RequestHash(
            context
                .sign()
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(secret: &str) -> RequestHasher {
        RequestHasher::new(&SecretString::from(secret))
    }

    fn hash(secret: &str, correlation_id: &str, claims: &str) -> RequestHash {
        let body = format!(r#"{{"template_id": "issue_iban", "claims": {claims}}}"#);
        let request = StartIssue::from_json(body.as_bytes()).unwrap();
        hasher(secret).hash(&correlation_id.parse().unwrap(), &request)
    }

    #[test]
    fn the_key_is_derived_by_hkdf() {
        use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
        let input = Salt::new(HKDF_SHA256, &[]).extract(b"secret");
        let key = hmac::Key::from(input.expand(&[PURPOSE], HMAC_SHA256).unwrap());
        hmac::verify(
            &key,
            b"{}",
            hmac::sign(&hasher("secret").key, b"{}").as_ref(),
        )
        .unwrap();
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
