use bestow_jose::{JwkError, PublicJwk};
use bestow_signing::{LocalKey, Signer};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::did::{did_jwk, did_key};

/// RFC 9449 Figure 2: the key of the example DPoP proof.
pub(crate) fn rfc9449_jwk() -> Value {
    json!({
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256"
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut jwk = rfc9449_jwk();
    jwk[name] = value;
    jwk
}

fn refusal(jwk: &Value) -> JwkError {
    PublicJwk::from_json(jwk).expect_err("the JWK must be refused")
}

#[test]
fn the_thumbprint_is_that_of_the_dpop_rfc() {
    let key = PublicJwk::from_json(&rfc9449_jwk()).unwrap();

    // RFC 9449 Figure 9, computed as RFC 7638 prescribes.
    assert_eq!(
        key.thumbprint(),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
}

#[test]
fn json_carries_the_required_members_and_nothing_else() {
    let sent = with("kid", json!("a name of the sender's"));

    let key = PublicJwk::from_json(&sent).unwrap();

    assert_eq!(key.to_json(), rfc9449_jwk());
}

#[test]
fn private_and_symmetric_keys_are_refused() {
    assert_eq!(
        refusal(&with("d", json!("AA"))),
        JwkError::PrivateMember("d")
    );
    // Whatever its value: the member alone shows that the sender mixes its keys up.
    assert_eq!(
        refusal(&with("d", Value::Null)),
        JwkError::PrivateMember("d")
    );
    assert_eq!(
        refusal(&json!({"kty": "oct", "k": "AA"})),
        JwkError::PrivateMember("k")
    );
    assert_eq!(refusal(&json!({"kty": "oct"})), JwkError::KeyType);
}

#[test]
fn other_key_types_and_curves_are_refused() {
    assert_eq!(refusal(&with("kty", json!("OKP"))), JwkError::KeyType);
    assert_eq!(refusal(&with("kty", json!("RSA"))), JwkError::KeyType);
    assert_eq!(refusal(&with("kty", json!(1))), JwkError::KeyType);
    for curve in ["P-384", "secp256k1", "p-256", ""] {
        assert_eq!(
            refusal(&with("crv", json!(curve))),
            JwkError::Curve,
            "{curve}"
        );
    }
    assert_eq!(refusal(&json!("EC")), JwkError::NotAnObject);
}

#[test]
fn a_key_meant_for_something_else_is_refused() {
    assert_eq!(refusal(&with("alg", json!("ECDH-ES"))), JwkError::Algorithm);
    assert_eq!(refusal(&with("use", json!("enc"))), JwkError::Use);

    let mut signing_key = with("alg", json!("ES256"));
    signing_key["use"] = json!("sig");
    PublicJwk::from_json(&signing_key).unwrap();
}

#[test]
fn coordinates_must_be_whole_and_in_base64url_without_padding() {
    let x = rfc9449_jwk()["x"].as_str().unwrap().to_owned();
    let shortened = x.get(..42).unwrap().to_owned();
    // 43 characters hold 258 bits: the last two must be zero.
    let stray_bits = format!("{shortened}t");
    for wrong in [
        format!("{x}="),
        format!(" {x}"),
        format!("A{x}"),
        shortened,
        stray_bits,
    ] {
        assert_eq!(
            refusal(&with("x", json!(wrong))),
            JwkError::Coordinate("x"),
            "{wrong}"
        );
    }
    assert_eq!(refusal(&with("y", json!([1]))), JwkError::Coordinate("y"));
    let mut without_y = rfc9449_jwk();
    without_y.as_object_mut().unwrap().remove("y");
    assert_eq!(refusal(&without_y), JwkError::Coordinate("y"));
}

#[test]
fn points_off_the_curve_are_refused() {
    let zero = "A".repeat(43);
    assert_eq!(
        refusal(&with(
            "y",
            json!("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDE")
        )),
        JwkError::NotOnCurve
    );
    let mut origin = with("x", json!(zero));
    origin["y"] = json!(zero);
    assert_eq!(refusal(&origin), JwkError::NotOnCurve);
    // The field's prime is 2^256 - 2^224 + …, so this is out of range.
    assert_eq!(
        refusal(&with(
            "x",
            json!("__________________________________________8")
        )),
        JwkError::NotOnCurve
    );
}

#[test]
fn a_point_is_read_in_its_own_encoding_only() {
    let key = PublicJwk::from_json(&rfc9449_jwk()).unwrap();
    let spki = key.to_spki_der();
    let point = spki.get(26..).unwrap();

    assert_eq!(PublicJwk::from_point(point).unwrap(), key);
    for wrong in [
        &[][..],
        &[0x04],
        &[0x00],
        point.get(..64).unwrap(),
        &[point, &[0]].concat(),
        &spki,
    ] {
        assert_eq!(PublicJwk::from_point(wrong), Err(JwkError::NotOnCurve));
    }
    // The hybrid form of X9.62: the first byte tells the parity of y as well.
    let hybrid = [&[0x06][..], point.get(1..).unwrap()].concat();
    assert_eq!(PublicJwk::from_point(&hybrid), Err(JwkError::NotOnCurve));
}

#[test]
fn spki_is_read_as_key_services_write_it() {
    let certificate_key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let spki = rcgen::PublicKeyData::subject_public_key_info(&certificate_key);

    let key = PublicJwk::from_spki_der(&spki).unwrap();

    assert_eq!(key.to_spki_der(), spki);
    assert_eq!(
        PublicJwk::from_spki_der(&[&spki[..], &[0]].concat()),
        Err(JwkError::Spki)
    );
    assert_eq!(PublicJwk::from_spki_der(&spki[..90]), Err(JwkError::Spki));
    let other_curve = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let spki = rcgen::PublicKeyData::subject_public_key_info(&other_curve);
    assert_eq!(PublicJwk::from_spki_der(&spki), Err(JwkError::Spki));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_form_of_a_key_leads_back_to_it(_case in any::<u8>()) {
        let key = LocalKey::generate().unwrap().public_jwk().clone();

        prop_assert_eq!(&PublicJwk::from_json(&key.to_json()).unwrap(), &key);
        prop_assert_eq!(&PublicJwk::from_spki_der(&key.to_spki_der()).unwrap(), &key);
        prop_assert_eq!(&PublicJwk::from_did_url(&did_jwk(&key)).unwrap(), &key);
        prop_assert_eq!(&PublicJwk::from_did_url(&did_key(&key)).unwrap(), &key);
    }

    #[test]
    fn no_json_makes_the_reader_panic(text in "\\PC{0,64}", name in "[a-z]{1,3}") {
        let _ = PublicJwk::from_json(&json!({ "kty": "EC", "crv": "P-256", name: text.clone() }));
        let _ = PublicJwk::from_did_url(&text);
        let _ = PublicJwk::from_did_url(&format!("did:key:z{text}"));
        let _ = PublicJwk::from_did_url(&format!("did:jwk:{text}"));
    }
}
