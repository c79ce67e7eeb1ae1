//! Disclosures: the salted claims that travel beside the signed payload (RFC 9901 §4.2).

use std::fmt;

use aws_lc_rs::digest::{self, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_jose::json;
use serde_json::Value;

use crate::SD_JWT_NAMES;

/// Bytes of a salt: 128 bits, the least that RFC 9901 §9.3 recommends.
pub(crate) const SALT_BYTES: usize = 16;

/// A disclosure that was received. `Debug` shows its name only.
#[derive(Clone, PartialEq)]
pub struct Disclosure {
    /// The claim's name, or `None` for the element of an array.
    pub name: Option<String>,
    /// The claim's value. It may hold digests of further disclosures.
    pub value: Value,
}

/// Why a disclosure is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum DisclosureError {
    #[error("a disclosure is not in base64url without padding")]
    Base64,
    #[error("a disclosure is not JSON")]
    Json,
    #[error("a disclosure is not an array of a salt, a name and a value")]
    Form,
    #[error("a disclosure has a reserved name")]
    ReservedName,
}

impl Disclosure {
    /// Reads a disclosure from its base64url text.
    pub fn parse(encoded: &str) -> Result<Self, DisclosureError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| DisclosureError::Base64)?;
        let Value::Array(parts) = json::parse(&bytes).map_err(|_| DisclosureError::Json)? else {
            return Err(DisclosureError::Form);
        };
        match parts.as_slice() {
            [Value::String(_), Value::String(name), _] if SD_JWT_NAMES.contains(&name.as_str()) => {
                Err(DisclosureError::ReservedName)
            }
            [Value::String(_), Value::String(name), value] => Ok(Self {
                name: Some(name.clone()),
                value: value.clone(),
            }),
            [Value::String(_), value] => Ok(Self {
                name: None,
                value: value.clone(),
            }),
            _ => Err(DisclosureError::Form),
        }
    }
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disclosure")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Writes a disclosure in base64url: `[salt, name, value]` for the member of an object (§4.2.1),
/// `[salt, value]` for the element of an array (§4.2.2).
pub(crate) fn encode(
    salt: &[u8],
    name: Option<&str>,
    value: &Value,
) -> Result<String, serde_json::Error> {
    let salt = URL_SAFE_NO_PAD.encode(salt);
    let json = match name {
        Some(name) => serde_json::to_vec(&(salt, name, value)),
        None => serde_json::to_vec(&(salt, value)),
    }?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// The digest of a disclosure: SHA-256 over its base64url text, in base64url (§4.2.3).
pub(crate) fn digest(encoded: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, encoded.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9901 §4.2.1: four ways to write one disclosure.
    const FAMILY_NAME: [&str; 4] = [
        "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
        "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNXHUwMGY2Yml1cyJd",
        "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsImZhbWlseV9uYW1lIiwiTcO2Yml1cyJd",
        "WwoiXzI2YmM0TFQtYWM2cTJLSTZjQlc1ZXMiLAoiZmFtaWx5X25hbWUiLAoiTcO2Yml1cyIKXQ",
    ];

    #[test]
    fn a_disclosure_is_read_however_its_json_is_written() {
        for encoded in FAMILY_NAME {
            let disclosure = Disclosure::parse(encoded).unwrap();
            assert_eq!(disclosure.name.as_deref(), Some("family_name"));
            assert_eq!(disclosure.value, "Möbius");
        }
        // RFC 9901 §4.2.2.
        let element = Disclosure::parse("WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0").unwrap();
        assert_eq!(
            element,
            Disclosure {
                name: None,
                value: "FR".into()
            }
        );
    }

    #[test]
    fn the_digest_is_taken_of_the_text_as_it_is() {
        // RFC 9901 §4.2.3.
        let [encoded, other, ..] = FAMILY_NAME;
        assert_eq!(
            digest(encoded),
            "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
        );
        assert_ne!(digest(other), digest(encoded));
    }

    #[test]
    fn what_is_written_is_read() {
        for name in [Some("family_name"), None] {
            let encoded = encode(&[7; SALT_BYTES], name, &"Möbius".into()).unwrap();
            let read = Disclosure::parse(&encoded).unwrap();
            assert_eq!(read.name.as_deref(), name);
            assert_eq!(read.value, "Möbius");
        }
    }
}
