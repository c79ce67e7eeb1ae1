//! The public keys of an authorization server (RFC 7517), and signatures by them (RFC 7515).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

/// The most keys of a set that are looked at.
const MOST_KEYS: usize = 100;

/// An algorithm that a token may be signed with. All are asymmetric: with a symmetric one, whoever can check a token
/// could make one (RFC 8725 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Algorithm {
    /// By its name in `alg` (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2).
    pub(super) fn of_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "PS256" => Some(Self::Ps256),
            "ES256" => Some(Self::Es256),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A public key, and what it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VerificationKey {
    pub(super) kid: String,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256 { point: Vec<u8> },
    Ed25519 { point: Vec<u8> },
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a JWK Set that can check a token. Others that are in it are left out (RFC 7517 §5). `None` if it is no
/// JWK Set.
pub(super) fn read_set(json: &[u8]) -> Option<Vec<VerificationKey>> {
    let set: JwkSet = serde_json::from_slice(json).ok()?;
    let keys = set.keys.into_iter().take(MOST_KEYS);
    Some(keys.filter_map(VerificationKey::read).collect())
}

impl VerificationKey {
    fn read(jwk: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let is_for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
            && jwk
                .key_ops
                .as_ref()
                .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !is_for_signatures {
            return None;
        }
        let algorithm = match jwk.alg.as_deref() {
            None => None,
            Some(name) => Some(Algorithm::of_name(name)?),
        };
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa {
                n: without_zeros(bytes(jwk.n.as_deref())?),
                e: without_zeros(bytes(jwk.e.as_deref())?),
            },
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(jwk.x.as_deref())?, bytes(jwk.y.as_deref())?);
                if (x.len(), y.len()) != (32, 32) {
                    return None;
                }
                Material::P256 {
                    point: [vec![4], x, y].concat(),
                }
            }
            ("OKP", Some("Ed25519")) => {
                let point = bytes(jwk.x.as_deref())?;
                if point.len() != 32 {
                    return None;
                }
                Material::Ed25519 { point }
            }
            _ => return None,
        };
        Some(Self {
            kid: jwk.kid?,
            algorithm,
            material,
        })
    }

    /// Whether `signature` is this key's over `message`, by `algorithm`.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.is_some_and(|own| own != algorithm) {
            return false;
        }
        let rsa = match algorithm {
            Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
            _ => &RSA_PKCS1_2048_8192_SHA256,
        };
        let verified = match (algorithm, &self.material) {
            (Algorithm::Rs256 | Algorithm::Ps256, Material::Rsa { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(rsa, message, signature)
            }
            (Algorithm::Es256, Material::P256 { point }) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Algorithm::EdDsa, Material::Ed25519 { point }) => {
                UnparsedPublicKey::new(&ED25519, point).verify(message, signature)
            }
            _ => return false,
        };
        verified.is_ok()
    }
}

fn bytes(text: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text?).ok()
}

/// Some servers write numbers with leading zeros, which RFC 7518 §6.3.1.1 does not allow.
fn without_zeros(number: Vec<u8>) -> Vec<u8> {
    number.into_iter().skip_while(|byte| *byte == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The key of RFC 8037 Appendix A.2, its token of A.4.
    #[test]
    fn a_signature_of_an_rfc_is_verified() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x}]});
        let keys = read_set(set.to_string().as_bytes()).unwrap();
        let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = URL_SAFE_NO_PAD
            .decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
            .unwrap();
        assert!(keys[0].verifies(Algorithm::EdDsa, message, &signature));
        assert!(!keys[0].verifies(Algorithm::EdDsa, b"another", &signature));
        assert!(!keys[0].verifies(Algorithm::Es256, message, &signature));
    }

    #[test]
    fn what_cannot_check_a_token_is_left_out() {
        let x = URL_SAFE_NO_PAD.encode([1; 32]);
        let set = json!({"keys": [
            {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"},
            {"kty": "EC", "crv": "P-521", "kid": "curve", "x": x, "y": x},
            {"kty": "EC", "crv": "P-256", "kid": "short", "x": x, "y": "AQ"},
            {"kty": "EC", "crv": "P-256", "x": x, "y": x},
            {"kty": "EC", "crv": "P-256", "kid": "encrypts", "x": x, "y": x, "use": "enc"},
            {"kty": "EC", "crv": "P-256", "kid": "signs", "x": x, "y": x, "key_ops": ["sign"]},
            {"kty": "EC", "crv": "P-256", "kid": "alg", "x": x, "y": x, "alg": "ECDH-ES"},
            {"kty": "RSA", "kid": "nothing"},
            "no key at all",
            {"kty": "EC", "crv": "P-256", "kid": "good", "x": x, "y": x, "use": "sig", "x5c": ["…"]},
        ]});
        let keys = read_set(set.to_string().as_bytes()).unwrap();
        let kids: Vec<_> = keys.iter().map(|key| key.kid.as_str()).collect();
        assert_eq!(kids, ["good"]);
        assert!(read_set(b"[]").is_none() && read_set(b"{}").is_none() && read_set(b"").is_none());
    }
}
