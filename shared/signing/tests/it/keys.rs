use bestow_jose::PublicJwk;
use bestow_signing::{KeyError, LocalKey, Signer};
use futures::executor::block_on;

/// RFC 7515 Appendix A.3: the key pair of the ES256 example.
const RFC7515_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const RFC7515_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

#[test]
fn the_signature_of_the_jws_rfc_verifies() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let key = PublicJwk::from_json(
        &serde_json::json!({"kty": "EC", "crv": "P-256", "x": RFC7515_X, "y": RFC7515_Y}),
    )
    .unwrap();
    let signing_input = b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = URL_SAFE_NO_PAD
        .decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
        .unwrap();
    let mut signature: [u8; 64] = signature.try_into().unwrap();

    assert!(key.verifies(signing_input, &signature));
    assert!(!key.verifies(&signing_input[1..], &signature));
    signature[63] ^= 1;
    assert!(!key.verifies(signing_input, &signature));
    assert!(
        !key.verifies(signing_input, &[0; 64]),
        "r = s = 0 is no signature"
    );
}

#[test]
fn a_key_survives_its_pem() {
    let key = LocalKey::generate().unwrap();
    let pem = key.to_pkcs8_pem().unwrap();

    let read = LocalKey::from_pkcs8_pem(&pem).unwrap();

    assert_eq!(read.public_jwk(), key.public_jwk());
    let signature = block_on(read.sign(b"message")).unwrap();
    assert!(key.public_jwk().verifies(b"message", &signature));
    assert!(
        pem.lines().all(|line| line.len() <= 64),
        "RFC 7468 wraps at 64 characters"
    );
    // Another implementation's reader agrees.
    let foreign = rcgen::KeyPair::from_pem(&pem).unwrap();
    assert_eq!(
        rcgen::PublicKeyData::subject_public_key_info(&foreign),
        key.public_jwk().to_spki_der()
    );
}

#[test]
fn keys_of_other_kinds_are_refused() {
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let ed25519 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    for foreign in [p384, ed25519] {
        let refusal = LocalKey::from_pkcs8_pem(&foreign.serialize_pem()).unwrap_err();
        assert_eq!(refusal, KeyError::Key);
    }
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
    for text in ["", "not PEM", sec1] {
        assert_eq!(
            LocalKey::from_pkcs8_pem(text).unwrap_err(),
            KeyError::Pem,
            "{text}"
        );
    }
}

#[test]
fn debug_output_shows_no_private_key() {
    let key = LocalKey::generate().unwrap();
    let shown = format!("{key:?}");

    assert_eq!(
        shown,
        format!(
            "LocalKey {{ public_jwk: PublicJwk(\"{}\"), .. }}",
            key.public_jwk().thumbprint()
        )
    );
}
