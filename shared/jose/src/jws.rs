//! Compact JWS (RFC 7515 §3.1).
//!
//! Building: [`SigningInput::new`], sign its bytes, [`SigningInput::finish`].
//!
//! Reading: [`Unverified::read`] checks size and header, the caller picks the key, and
//! [`Unverified::verify`] is the only way to the claims.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::certificates::{CertificateChain, ChainError};
use crate::json::{self, JsonError};
use crate::public_jwk::{JwkError, PublicJwk, Signature};
use crate::verification_key::{Algorithm, Verify};

/// The text that is signed: `BASE64URL(header) || '.' || BASE64URL(payload)`.
#[derive(Clone)]
pub struct SigningInput(String);

impl SigningInput {
    /// Writes header and payload as JSON. The header must hold `alg` = [`ES256`](crate::ES256).
    pub fn new(
        header: &impl Serialize,
        payload: &impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        let header = serde_json::to_vec(header)?;
        let payload = serde_json::to_vec(payload)?;
        // Room for the signature too: 86 characters and a dot.
        let capacity = (header.len() + payload.len()).div_ceil(3) * 4 + 96;
        let mut text = String::with_capacity(capacity);
        URL_SAFE_NO_PAD.encode_string(header, &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut text);
        Ok(Self(text))
    }

    /// The bytes to sign (ASCII).
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Joins the signature: the compact JWS.
    pub fn finish(self, signature: &Signature) -> String {
        let mut text = self.0;
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        text
    }
}

/// What is accepted at one place.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The accepted algorithms.
    pub algorithms: &'a [Algorithm],
    /// The accepted values of `typ` (RFC 8725 §3.11).
    pub types: Types<'a>,
    /// How the header may name the key.
    pub keys: Keys,
    /// The longest accepted text in bytes.
    pub max_bytes: usize,
}

impl<'a> Policy<'a> {
    /// By ES256, with one of these types, and the key named in any way.
    pub const fn es256(types: &'a [&'a str], max_bytes: usize) -> Self {
        Self {
            algorithms: &[Algorithm::Es256],
            types: Types::Exactly(types),
            keys: Keys::Any,
            max_bytes,
        }
    }
}

/// Accepted values of `typ`.
#[derive(Debug, Clone, Copy)]
pub enum Types<'a> {
    /// One of these, compared exactly.
    Exactly(&'a [&'a str]),
    /// One of these in lower or upper case, or none.
    AnyCaseOrNone(&'a [&'a str]),
}

impl Types<'_> {
    fn accept(self, typ: Option<&Value>) -> bool {
        match (self, typ) {
            (Self::Exactly(types), Some(Value::String(typ))) => types.contains(&typ.as_str()),
            (Self::AnyCaseOrNone(types), Some(Value::String(typ))) => {
                types.iter().any(|one| one.eq_ignore_ascii_case(typ))
            }
            (Self::AnyCaseOrNone(_), None | Some(Value::Null)) => true,
            _ => false,
        }
    }
}

/// How a header may name the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// By `jwk`, `kid` or `x5c`, which must be well-formed. [`Header::key`] wants exactly one.
    Any,
    /// By `kid`, a key of a set that is known. `jwk` and `x5c` are not looked at.
    ByName,
}

/// Why a JWS is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum JwsError {
    #[error("the JWT is longer than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
    #[error("the JWT is not a JWS in compact serialisation")]
    Malformed,
    #[error("the JWT header is refused")]
    Header(#[source] JsonError),
    #[error("the JWT's alg is not an accepted one")]
    Algorithm,
    #[error("the JWT's typ is not the expected one")]
    Type,
    /// `crit` lists an extension: none is understood here (RFC 7515 §4.1.11).
    #[error("the JWT's crit header is not supported")]
    Critical,
    #[error("the JWT's jwk header is refused")]
    Jwk(#[source] JwkError),
    #[error("the JWT's kid header must be a string")]
    Kid,
    #[error("the JWT's x5c header is refused")]
    X5c(#[source] ChainError),
    #[error("the JWT must name its key by exactly one of jwk, kid and x5c")]
    KeyReference,
    #[error("the JWT's signature does not verify")]
    Signature,
    #[error("the JWT's payload is refused")]
    Payload(#[source] JsonError),
}

/// A JWS's header. Not authenticated before [`Unverified::verify`].
#[derive(Debug, Clone)]
pub struct Header {
    kid: Option<String>,
    jwk: Option<PublicJwk>,
    x5c: Option<CertificateChain>,
    members: Map<String, Value>,
}

/// How a header names the key that signed.
#[derive(Debug, Clone, Copy)]
pub enum KeyReference<'a> {
    /// The key itself.
    Jwk(&'a PublicJwk),
    /// A name for the key, often a DID URL.
    Kid(&'a str),
    /// Certificates, leaf first; no path has been validated.
    X5c(&'a CertificateChain),
}

impl Header {
    /// The one key reference that there must be (OpenID4VCI 1.0 App. F.1).
    pub fn key(&self) -> Result<KeyReference<'_>, JwsError> {
        match (&self.jwk, &self.kid, &self.x5c) {
            (Some(jwk), None, None) => Ok(KeyReference::Jwk(jwk)),
            (None, Some(kid), None) => Ok(KeyReference::Kid(kid)),
            (None, None, Some(chain)) => Ok(KeyReference::X5c(chain)),
            _ => Err(JwsError::KeyReference),
        }
    }

    /// `kid`, whatever references there are besides.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `x5c`, whatever references there are besides. No path has been validated.
    pub fn x5c(&self) -> Option<&CertificateChain> {
        self.x5c.as_ref()
    }

    /// Any member of the header.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    fn read(encoded: &str, policy: &Policy<'_>) -> Result<(Self, Algorithm), JwsError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| JwsError::Malformed)?;
        let members = json::parse_object(&bytes).map_err(JwsError::Header)?;
        let algorithm = members
            .get("alg")
            .and_then(Value::as_str)
            .and_then(Algorithm::from_name)
            .filter(|algorithm| policy.algorithms.contains(algorithm))
            .ok_or(JwsError::Algorithm)?;
        if !policy.types.accept(members.get("typ")) {
            return Err(JwsError::Type);
        }
        if members.contains_key("crit") {
            return Err(JwsError::Critical);
        }
        let kid = match members.get("kid") {
            None if policy.keys == Keys::Any => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            _ => return Err(JwsError::Kid),
        };
        let embedded = |name| members.get(name).filter(|_| policy.keys == Keys::Any);
        let jwk = embedded("jwk")
            .map(PublicJwk::from_json)
            .transpose()
            .map_err(JwsError::Jwk)?;
        let x5c = embedded("x5c")
            .map(CertificateChain::from_x5c)
            .transpose()
            .map_err(JwsError::X5c)?;
        let header = Self {
            kid,
            jwk,
            x5c,
            members,
        };
        Ok((header, algorithm))
    }
}

/// A JWS whose header is acceptable and whose signature has not been verified.
#[derive(Clone)]
pub struct Unverified<'a> {
    header: Header,
    algorithm: Algorithm,
    signing_input: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Checks what needs no key: size, form, and the header against the policy.
    pub fn read(compact: &'a str, policy: &Policy<'_>) -> Result<Self, JwsError> {
        if compact.len() > policy.max_bytes {
            return Err(JwsError::TooLarge {
                max_bytes: policy.max_bytes,
            });
        }
        let (signing_input, signature) = compact.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        if payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        let (header, algorithm) = Header::read(header, policy)?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| JwsError::Malformed)?;
        Ok(Self {
            header,
            algorithm,
            signing_input,
            payload,
            signature,
        })
    }

    /// The header, to choose the key by.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Verifies the signature, then reads the payload as a JSON object.
    pub fn verify(self, key: &(impl Verify + ?Sized)) -> Result<Verified, JwsError> {
        let message = self.signing_input.as_bytes();
        if !key.verifies(self.algorithm, message, &self.signature) {
            return Err(JwsError::Signature);
        }
        let payload = URL_SAFE_NO_PAD
            .decode(self.payload)
            .map_err(|_| JwsError::Malformed)?;
        let claims = json::parse_object(&payload).map_err(JwsError::Payload)?;
        Ok(Verified {
            header: self.header,
            claims,
        })
    }
}

/// A JWS whose signature has been verified.
#[derive(Clone)]
pub struct Verified {
    /// The header.
    pub header: Header,
    /// The payload.
    pub claims: Map<String, Value>,
}

// Payloads hold claims and nonces, which no log may show.

impl fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unverified")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
