use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_jose::{DidError, JwkError, PublicJwk};
use serde_json::json;

/// The did:jwk method specification, example 1 (P-256).
const DID_JWK: &str = "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9";
/// The did:jwk method specification, example 2 (X25519).
const DID_JWK_X25519: &str = "did:jwk:eyJrdHkiOiJPS1AiLCJjcnYiOiJYMjU1MTkiLCJ1c2UiOiJlbmMiLCJ4IjoiM3A3YmZYdDl3YlRUVzJIQzdPUTFOei1EUThoYmVHZE5yZngtRkctSUswOCJ9";

/// The did:key method specification, P-256 test vectors: the DID and its JWK's coordinates.
const DID_KEYS: [(&str, &str, &str); 2] = [
    (
        "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",
        "fyNYMN0976ci7xqiSdag3buk-ZCwgXU4kz9XNkBlNUI",
        "hW2ojTNfH7Jbi8--CJUo3OCbH3y5n91g-IMA9MLMbTU",
    ),
    (
        "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv",
        "igrFmi0whuihKnj9R3Om1SoMph72wUGeFaBbzG2vzns",
        "efsX5b10x8yjyrj4ny3pGfLcY7Xby1KzgqOdqnsrJIM",
    ),
];

/// The key as `did:jwk`: its JWK, whose members are in alphabetical order, in base64url.
pub(crate) fn did_jwk(key: &PublicJwk) -> String {
    format!(
        "did:jwk:{}",
        URL_SAFE_NO_PAD.encode(key.to_json().to_string())
    )
}

/// The key as `did:key`: multicodec `p256-pub` and the compressed point (SEC 1 §2.3.3) in base58btc.
pub(crate) fn did_key(key: &PublicJwk) -> String {
    let spki = key.to_spki_der();
    let (x, y) = spki[27..].split_at(32);
    let parity = 2 + (y[31] & 1);
    let bytes = [&[0x80, 0x24, parity], x].concat();
    format!("did:key:z{}", bs58::encode(bytes).into_string())
}

fn refusal(did_url: &str) -> DidError {
    PublicJwk::from_did_url(did_url).expect_err("the DID URL must be refused")
}

#[test]
fn did_jwk_is_read_as_in_its_specification() {
    let key = PublicJwk::from_did_url(DID_JWK).unwrap();

    assert_eq!(
        key.to_json(),
        json!({
            "crv": "P-256",
            "kty": "EC",
            "x": "acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0",
            "y": "_KcyLj9vWMptnmKtm46GqDz8wf74I5LKgrl2GzH3nSE"
        })
    );
    assert_eq!(did_jwk(&key), DID_JWK);
    assert_eq!(
        PublicJwk::from_did_url(&format!("{DID_JWK}#0")).unwrap(),
        key
    );
}

#[test]
fn did_key_is_read_as_in_its_specification() {
    for (did, x, y) in DID_KEYS {
        let key = PublicJwk::from_did_url(did).unwrap();

        assert_eq!(
            key.to_json(),
            json!({"crv": "P-256", "kty": "EC", "x": x, "y": y})
        );
        assert_eq!(did_key(&key), did);
        let identifier = did.strip_prefix("did:key:").unwrap();
        assert_eq!(
            PublicJwk::from_did_url(&format!("{did}#{identifier}")).unwrap(),
            key
        );
    }
}

#[test]
fn another_verification_method_of_the_did_is_refused() {
    let (did_key, ..) = DID_KEYS[0];
    for did_url in [
        format!("{DID_JWK}#1"),
        format!("{DID_JWK}#"),
        format!("{did_key}#0"),
        format!("{did_key}#zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"),
    ] {
        assert_eq!(refusal(&did_url), DidError::Fragment, "{did_url}");
    }
}

#[test]
fn keys_of_other_curves_are_refused() {
    assert_eq!(refusal(DID_JWK_X25519), DidError::Key(JwkError::KeyType));
    // The did:key specification's Ed25519, P-384 and secp256k1 examples.
    for did in [
        "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:z82Lm1MpAkeJcix9K8TMiLd5NMAhnwkjjCBeWHXyu3U4oT2MVJJKXkcVBgjGhnLBn2Kaau9",
        "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme",
    ] {
        assert_eq!(refusal(did), DidError::Key(JwkError::Curve), "{did}");
    }
}

#[test]
fn what_needs_the_network_or_is_no_did_is_refused() {
    for did_url in [
        "did:web:issuer.example",
        "https://issuer.example/#0",
        "DID:JWK:e30",
        "",
    ] {
        assert_eq!(refusal(did_url), DidError::Method, "{did_url}");
    }
}

#[test]
fn malformed_identifiers_are_refused() {
    let (did_key, ..) = DID_KEYS[0];
    let truncated = did_key.get(..did_key.len() - 1).unwrap();
    for did_url in [
        "did:jwk:",
        "did:jwk:e3",
        "did:jwk:W10",
        "did:key:",
        "did:key:f01",
        "did:key:z0OIl",
    ] {
        assert!(
            matches!(refusal(did_url), DidError::Malformed { .. }),
            "{did_url}"
        );
    }
    PublicJwk::from_did_url(truncated).expect_err("a truncated key is no key");
    assert_eq!(
        refusal(&format!("did:jwk:{}", "A".repeat(4_096))),
        DidError::TooLong
    );
    assert_eq!(
        refusal(&format!("did:key:z{}", "2".repeat(4_096))),
        DidError::TooLong
    );
}

#[test]
fn an_uncompressed_did_key_is_refused() {
    let (did, ..) = DID_KEYS[0];
    let key = PublicJwk::from_did_url(did).unwrap();
    let point = [&[0x80, 0x24][..], key.to_spki_der().get(26..).unwrap()].concat();
    let did = format!("did:key:z{}", bs58::encode(point).into_string());

    assert_eq!(refusal(&did), DidError::Malformed { method: "did:key" });
}
