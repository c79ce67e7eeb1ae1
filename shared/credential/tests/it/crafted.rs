//! SD-JWTs written by hand, with a valid signature over whatever a test needs to be wrong.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_credential::{SdJwtError, UnverifiedSdJwt, VerifiedSdJwt};
use bestow_jose::jws::SigningInput;
use bestow_jose::{CertificateChain, CertificateDer};
use bestow_signing::{LocalKey, Signer, SigningIdentity};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// 2026-01-01T00:00:00Z
pub(crate) const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

pub(crate) fn key() -> LocalKey {
    LocalKey::generate().unwrap()
}

pub(crate) fn identity(key: &LocalKey) -> SigningIdentity {
    SigningIdentity::new(Arc::new(key.clone()), "key-1")
}

/// The key with a certificate from a root of its own, and that root, in DER.
pub(crate) fn certified_identity(key: &LocalKey) -> (SigningIdentity, CertificateDer<'static>) {
    let authority_key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Root");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap().der().clone();
    let subject = rcgen::KeyPair::from_pem(&key.to_pkcs8_pem().unwrap()).unwrap();
    let leaf = rcgen::CertificateParams::new(Vec::new())
        .unwrap()
        .signed_by(&subject, &rcgen::Issuer::new(authority, authority_key))
        .unwrap();
    let chain = CertificateChain::from_der(vec![leaf.der().clone(), root.clone()]).unwrap();
    (identity(key).with_chain(chain, NOW).unwrap(), root)
}

/// A disclosure of whatever JSON, as base64url text.
pub(crate) fn disclosure(parts: &Value) -> String {
    URL_SAFE_NO_PAD.encode(parts.to_string())
}

/// RFC 9901 §4.2.3, apart from the crate's own code.
pub(crate) fn digest(encoded: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, encoded.as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

/// A JWS of whatever header and payload.
pub(crate) fn jws(key: &LocalKey, header: &Value, payload: &Value) -> String {
    let input = SigningInput::new(header, payload).unwrap();
    let signature = key.sign_now(input.as_bytes()).unwrap();
    input.finish(&signature)
}

/// Signs a payload, with a `vct` if it has none, and appends the disclosures.
pub(crate) fn sd_jwt(key: &LocalKey, mut payload: Value, disclosures: &[&str]) -> String {
    let members = payload.as_object_mut().unwrap();
    members.entry("vct").or_insert_with(|| json!("urn:example"));
    let header = json!({"alg": "ES256", "typ": "dc+sd-jwt"});
    let jwt = jws(key, &header, &payload);
    std::iter::once(jwt.as_str())
        .chain(disclosures.iter().copied())
        .flat_map(|part| [part, "~"])
        .collect()
}

pub(crate) fn verify(key: &LocalKey, sd_jwt: &str) -> Result<VerifiedSdJwt, SdJwtError> {
    UnverifiedSdJwt::read(sd_jwt)?.verify(key.public_jwk(), NOW)
}

/// What becomes of a payload with these disclosures beside it.
pub(crate) fn outcome(payload: Value, disclosures: &[&str]) -> Result<VerifiedSdJwt, SdJwtError> {
    let key = key();
    verify(&key, &sd_jwt(&key, payload, disclosures))
}

pub(crate) fn refusal(payload: Value, disclosures: &[&str]) -> SdJwtError {
    outcome(payload, disclosures).expect_err("the SD-JWT must be refused")
}

/// The parts of an issued credential: header, payload, and each disclosure's JSON.
pub(crate) fn taken_apart(credential: &str) -> (Value, Map<String, Value>, Vec<Value>) {
    let decode = |text: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    let (jwt, disclosures) = credential.split_once('~').unwrap();
    let mut jwt = jwt.split('.');
    let header = decode(jwt.next().unwrap());
    let Value::Object(payload) = decode(jwt.next().unwrap()) else {
        unreachable!("the payload is an object")
    };
    let disclosures = disclosures.split_terminator('~').map(decode).collect();
    (header, payload, disclosures)
}
