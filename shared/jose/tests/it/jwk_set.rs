use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_jose::{Algorithm, VerificationKey, Verify, read_jwk_set};
use bestow_signing::{LocalKey, Signer};
use serde_json::{Value, json};

fn keys(set: &Value) -> Vec<VerificationKey> {
    read_jwk_set(set.to_string().as_bytes()).unwrap()
}

/// The key of RFC 8037 Appendix A.2, its token of A.4.
#[test]
fn a_signature_of_an_rfc_is_verified() {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let keys = keys(&json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x}]}));
    let message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let signature = URL_SAFE_NO_PAD
        .decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
        .unwrap();
    assert!(keys[0].verifies(Algorithm::EdDsa, message, &signature));
    assert!(!keys[0].verifies(Algorithm::EdDsa, b"another", &signature));
    assert!(!keys[0].verifies(Algorithm::Es256, message, &signature));
}

#[test]
fn a_key_verifies_by_its_own_algorithm_only() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // RFC 8017 Appendix A.1.1, of 2048 bits.
    let public = pair.public_key().as_ref();
    let (n, e) = (&public[9..265], &public[267..]);
    // Some servers write a leading zero.
    let n = URL_SAFE_NO_PAD.encode([&[0], n].concat());
    let e = URL_SAFE_NO_PAD.encode(e);
    let keys = keys(&json!({"keys": [
        {"kty": "RSA", "kid": "any", "n": n, "e": e, "alg": null, "use": null},
        {"kty": "RSA", "kid": "pss", "n": n, "e": e, "alg": "PS256"},
    ]}));
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, b"message", &mut signature)
        .unwrap();

    assert!(keys[0].verifies(Algorithm::Rs256, b"message", &signature));
    assert!(!keys[0].verifies(Algorithm::Ps256, b"message", &signature));
    assert!(!keys[1].verifies(Algorithm::Rs256, b"message", &signature));
    assert!(keys[..].verifies(Algorithm::Rs256, b"message", &signature));
    assert!(!keys[1..].verifies(Algorithm::Rs256, b"message", &signature));
}

#[test]
fn what_cannot_verify_a_signature_is_left_out() {
    let key = LocalKey::generate().unwrap();
    let jwk = |members: Value| {
        let mut jwk = key.public_jwk().to_json();
        for (name, value) in members.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    };
    let set = json!({"keys": [
        {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"},
        jwk(json!({"kid": "curve", "crv": "P-521"})),
        jwk(json!({"kid": "short", "y": "AQ"})),
        jwk(json!({})),
        jwk(json!({"kid": "private", "d": "AQ"})),
        jwk(json!({"kid": "encrypts", "use": "enc"})),
        jwk(json!({"kid": "signs", "key_ops": ["sign"]})),
        jwk(json!({"kid": "alg", "alg": "ECDH-ES"})),
        {"kty": "RSA", "kid": "nothing"},
        {"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "AQ"},
        "no key at all",
        jwk(json!({"kid": "good", "use": "sig", "key_ops": ["verify"], "x5c": ["…"]})),
    ]});
    let keys = keys(&set);
    let kids: Vec<_> = keys.iter().map(VerificationKey::kid).collect();
    assert_eq!(kids, ["good"]);
    for no_set in [&b"[]"[..], b"{}", b""] {
        assert!(read_jwk_set(no_set).is_none());
    }
}
