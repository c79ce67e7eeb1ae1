//! Public keys of every algorithm that is verified, and sets of them (RFC 7517).

use aws_lc_rs::signature::{
    ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::public_jwk::{self, JwkError, PublicJwk};

/// The most keys of a set that are looked at.
const MOST_KEYS: usize = 100;

/// An algorithm that a JWS may be signed by. All are asymmetric (RFC 8725 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// RSA with PKCS#1 v1.5 and SHA-256.
    Rs256,
    /// RSA with PSS and SHA-256.
    Ps256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// By its name in `alg` (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2).
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            crate::ES256 => Some(Self::Es256),
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// What signatures can be verified by: a key, or several of which any may have signed.
pub trait Verify {
    /// True if `signature` is this key's signature of `message` by `algorithm`.
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool;
}

/// A key of a JWK Set, and what it may be used for.
#[derive(Clone, Debug)]
pub struct VerificationKey {
    kid: String,
    /// The only algorithm that it is for, if it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    P256(PublicJwk),
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ed25519(ParsedPublicKey),
}

/// The named keys of a JWK Set that can verify a signature; others are left out (RFC 7517 §5). `None` if the text
/// is no JWK Set.
pub fn read_jwk_set(json: &[u8]) -> Option<Vec<VerificationKey>> {
    #[derive(Deserialize)]
    struct JwkSet {
        keys: Vec<Value>,
    }
    let set: JwkSet = serde_json::from_slice(json).ok()?;
    let keys = set.keys.into_iter().take(MOST_KEYS);
    Some(keys.filter_map(VerificationKey::read).collect())
}

impl VerificationKey {
    /// The key's name in its set.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    fn read(jwk: Value) -> Option<Self> {
        let Value::Object(mut jwk) = jwk else {
            return None;
        };
        // Some servers write null for what they leave out.
        jwk.retain(|_, value| !value.is_null());
        public_jwk::check_public(&jwk).ok()?;
        public_jwk::check_use(&jwk).ok()?;
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let verifies = |operations: &Vec<Value>| operations.iter().any(|name| name == "verify");
        if let Some(operations) = jwk.get("key_ops")
            && !operations.as_array().is_some_and(verifies)
        {
            return None;
        }
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => Some(Algorithm::from_name(name.as_str()?)?),
        };
        Some(Self {
            kid: text("kid")?.to_owned(),
            algorithm,
            material: Material::read(&jwk).ok()?,
        })
    }
}

impl Material {
    fn read(jwk: &Map<String, Value>) -> Result<Self, JwkError> {
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let bytes = |name| {
            let decoded = text(name).and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok());
            decoded.ok_or(JwkError::Coordinate(name))
        };
        match (text("kty"), text("crv")) {
            (Some("RSA"), _) => Ok(Self::Rsa {
                n: without_zeros(bytes("n")?),
                e: without_zeros(bytes("e")?),
            }),
            (Some("OKP"), Some("Ed25519")) => ParsedPublicKey::new(&ED25519, bytes("x")?)
                .map(Self::Ed25519)
                .map_err(|_| JwkError::NotOnCurve),
            _ => PublicJwk::from_members(jwk).map(Self::P256),
        }
    }
}

/// Some servers write numbers with leading zeros, which RFC 7518 §6.3.1.1 does not allow.
fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

impl Verify for PublicJwk {
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let signature = signature.try_into();
        algorithm == Algorithm::Es256
            && signature.is_ok_and(|signature| self.verifies(message, signature))
    }
}

impl Verify for VerificationKey {
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.is_some_and(|own| own != algorithm) {
            return false;
        }
        match (&self.material, algorithm) {
            (Material::P256(key), _) => Verify::verifies(key, algorithm, message, signature),
            (Material::Rsa { n, e }, Algorithm::Rs256) => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            (Material::Rsa { n, e }, Algorithm::Ps256) => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PSS_2048_8192_SHA256, message, signature)
                .is_ok(),
            (Material::Ed25519(key), Algorithm::EdDsa) => {
                key.verify_sig(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

impl Verify for [VerificationKey] {
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.iter()
            .any(|key| key.verifies(algorithm, message, signature))
    }
}
