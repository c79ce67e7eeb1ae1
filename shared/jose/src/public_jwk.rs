//! A P-256 public key and its JSON form.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// An ES256 signature as JOSE writes it: `r || s`, each 32 bytes, big-endian (RFC 7518 §3.4).
pub type Signature = [u8; 64];

/// Bytes of one coordinate of a P-256 point.
const COORDINATE_BYTES: usize = 32;
/// Bytes of an uncompressed P-256 point: `04 || x || y` (SEC 1 §2.3.3).
const POINT_BYTES: usize = 1 + 2 * COORDINATE_BYTES;

/// A `SubjectPublicKeyInfo` of P-256 up to its uncompressed point (RFC 5480 §2).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Members that only a private or symmetric JWK has (RFC 7518 §6.2.2, §6.3.2 and §6.4).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why something is no acceptable public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum JwkError {
    #[error("a JWK must be a JSON object")]
    NotAnObject,
    #[error("the JWK carries the private member {0:?}")]
    PrivateMember(&'static str),
    #[error("the JWK's kty must be \"EC\"")]
    KeyType,
    #[error("the JWK's crv must be \"P-256\"")]
    Curve,
    #[error("the JWK's alg must be \"ES256\" or absent")]
    Algorithm,
    #[error("the JWK's use must be \"sig\" or absent")]
    Use,
    #[error("the JWK's {0} must be 32 bytes in base64url without padding")]
    Coordinate(&'static str),
    #[error("the key is not a point of the curve P-256")]
    NotOnCurve,
    #[error("the public key is not a SubjectPublicKeyInfo of P-256")]
    Spki,
}

/// A P-256 public key, on the curve, ready to verify signatures.
#[derive(Clone)]
pub struct PublicJwk {
    /// Its bytes are always the uncompressed point.
    key: ParsedPublicKey,
}

impl PublicJwk {
    /// Reads a JWK (RFC 7517). Other members, such as `kid`, are ignored; private ones, and an `alg` or a `use`
    /// that contradict ES256, are refused.
    pub fn from_json(jwk: &Value) -> Result<Self, JwkError> {
        Self::from_members(jwk.as_object().ok_or(JwkError::NotAnObject)?)
    }

    pub(crate) fn from_members(members: &Map<String, Value>) -> Result<Self, JwkError> {
        check_public(members)?;
        let text = |name| members.get(name).and_then(Value::as_str);
        if text("kty") != Some("EC") {
            return Err(JwkError::KeyType);
        }
        if text("crv") != Some("P-256") {
            return Err(JwkError::Curve);
        }
        if members.get("alg").is_some_and(|alg| alg != crate::ES256) {
            return Err(JwkError::Algorithm);
        }
        check_use(members)?;
        let coordinate = |name| {
            text(name)
                .and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok())
                .filter(|bytes| bytes.len() == COORDINATE_BYTES)
                .ok_or(JwkError::Coordinate(name))
        };
        let point = [&[0x04][..], &coordinate("x")?, &coordinate("y")?].concat();
        Self::from_point(&point)
    }

    /// Reads a point in either form of SEC 1 §2.3: uncompressed (`04 || x || y`, 65 bytes) or
    /// compressed (`02` or `03`, then `x`, 33 bytes).
    pub fn from_point(point: &[u8]) -> Result<Self, JwkError> {
        // The parser below would also take a SubjectPublicKeyInfo.
        let expected_bytes = match point.first() {
            Some(0x04) => POINT_BYTES,
            Some(0x02 | 0x03) => 1 + COORDINATE_BYTES,
            _ => return Err(JwkError::NotOnCurve),
        };
        if point.len() != expected_bytes {
            return Err(JwkError::NotOnCurve);
        }
        let key = parse(point)?;
        if expected_bytes == POINT_BYTES {
            return Ok(Self { key });
        }
        // aws-lc-rs decompresses only on the way to DER, whose tail is the whole point.
        let spki = key.as_der().map_err(|_| JwkError::NotOnCurve)?;
        let point = spki
            .as_ref()
            .strip_prefix(&SPKI_PREFIX)
            .ok_or(JwkError::NotOnCurve)?;
        Ok(Self { key: parse(point)? })
    }

    /// Reads a DER `SubjectPublicKeyInfo` with an uncompressed point, as key services return it.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, JwkError> {
        let point = spki.strip_prefix(&SPKI_PREFIX).ok_or(JwkError::Spki)?;
        if point.len() != POINT_BYTES {
            return Err(JwkError::Spki);
        }
        Self::from_point(point)
    }

    /// The DER `SubjectPublicKeyInfo` with the uncompressed point (91 bytes).
    pub fn to_spki_der(&self) -> Vec<u8> {
        [&SPKI_PREFIX[..], self.point()].concat()
    }

    /// The JWK as JSON: `{"crv":"P-256","kty":"EC","x":…,"y":…}`.
    pub fn to_json(&self) -> Value {
        let (x, y) = self
            .point()
            .get(1..)
            .unwrap_or_default()
            .split_at(COORDINATE_BYTES);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        json!({"crv": "P-256", "kty": "EC", "x": x, "y": y})
    }

    /// The JWK's SHA-256 thumbprint (RFC 7638) in base64url.
    pub fn thumbprint(&self) -> String {
        // §3: the required members in lexicographic order, without white space.
        let canonical = self.to_json().to_string();
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }

    /// True if `signature` (`r || s`) is this key's ES256 signature of `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }

    /// The uncompressed point (65 bytes).
    fn point(&self) -> &[u8] {
        self.key.as_ref()
    }
}

/// Refuses a key with private or secret material.
pub(crate) fn check_public(members: &Map<String, Value>) -> Result<(), JwkError> {
    let mut private = PRIVATE_MEMBERS.into_iter();
    match private.find(|name| members.contains_key(*name)) {
        Some(name) => Err(JwkError::PrivateMember(name)),
        None => Ok(()),
    }
}

/// Refuses a key that is for something else than signatures.
pub(crate) fn check_use(members: &Map<String, Value>) -> Result<(), JwkError> {
    match members.get("use") {
        Some(usage) if usage != "sig" => Err(JwkError::Use),
        _ => Ok(()),
    }
}

fn parse(point: &[u8]) -> Result<ParsedPublicKey, JwkError> {
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| JwkError::NotOnCurve)
}

impl PartialEq for PublicJwk {
    fn eq(&self, other: &Self) -> bool {
        self.point() == other.point()
    }
}

impl Eq for PublicJwk {}

impl fmt::Debug for PublicJwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicJwk")
            .field(&self.thumbprint())
            .finish()
    }
}

impl Serialize for PublicJwk {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}
