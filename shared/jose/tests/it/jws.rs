use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_jose::jws::{JwsError, KeyReference, Policy, SigningInput, Unverified};
use bestow_signing::{LocalKey, Signer};
use proptest::prelude::*;
use serde_json::{Value, json};

/// RFC 9449 Figure 2: a DPoP proof, signed by a stranger, with its key in the header.
const RFC9449_PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

pub(crate) const POLICY: Policy<'_> = Policy::es256(&["test+jwt"], 4_096);

pub(crate) fn key() -> LocalKey {
    LocalKey::generate().unwrap()
}

pub(crate) fn header(key: &LocalKey) -> Value {
    json!({"alg": "ES256", "typ": "test+jwt", "jwk": key.public_jwk().to_json()})
}

/// A JWS with a valid signature over whatever text stands for header and payload.
pub(crate) fn signed(key: &LocalKey, header: &str, payload: &str) -> String {
    let input = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let signature = key.sign_now(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn refusal(compact: &str) -> JwsError {
    Unverified::read(compact, &POLICY).expect_err("the JWS must be refused")
}

pub(crate) fn refusal_of_header(header: &Value) -> JwsError {
    refusal(&signed(&key(), &header.to_string(), "{}"))
}

#[test]
fn a_proof_signed_elsewhere_verifies() {
    let policy = Policy::es256(&["dpop+jwt"], 4_096);
    let unverified = Unverified::read(RFC9449_PROOF, &policy).unwrap();
    let KeyReference::Jwk(key) = unverified.header().key().unwrap() else {
        panic!("the header carries a jwk");
    };
    let key = key.clone();

    let verified = unverified.verify(&key).unwrap();

    assert_eq!(
        key.thumbprint(),
        "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    );
    assert_eq!(verified.claims["htu"], "https://server.example.com/token");
    assert_eq!(verified.claims["iat"], 1_562_262_616);
}

#[test]
fn what_is_built_is_what_is_read() {
    let key = key();
    let input = SigningInput::new(&header(&key), &json!({"nonce": "n", "iat": 1})).unwrap();
    let signature = key.sign_now(input.as_bytes()).unwrap();
    let compact = input.finish(&signature);

    let verified = Unverified::read(&compact, &POLICY)
        .unwrap()
        .verify(key.public_jwk())
        .unwrap();

    assert_eq!(
        Value::Object(verified.claims),
        json!({"nonce": "n", "iat": 1})
    );
    assert_eq!(verified.header.get("typ"), Some(&json!("test+jwt")));
}

#[test]
fn a_signature_made_elsewhere_joins_the_same_text() {
    let key = key();
    let input = SigningInput::new(&header(&key), &json!({"a": 1})).unwrap();
    let signed_bytes = String::from_utf8(input.as_bytes().to_vec()).unwrap();
    let signature = key.sign_now(input.as_bytes()).unwrap();

    let compact = input.finish(&signature);

    assert_eq!(compact.rsplit_once('.').unwrap().0, signed_bytes);
    Unverified::read(&compact, &POLICY)
        .unwrap()
        .verify(key.public_jwk())
        .unwrap();
}

#[test]
fn every_change_of_a_character_is_noticed() {
    let key = key();
    let compact = signed(&key, &header(&key).to_string(), r#"{"iat":1}"#);
    for position in 0..compact.len() {
        let mut changed = compact.clone().into_bytes();
        changed[position] = if changed[position] == b'A' {
            b'B'
        } else {
            b'A'
        };
        let changed = String::from_utf8(changed).unwrap();
        let outcome = Unverified::read(&changed, &POLICY)
            .and_then(|unverified| unverified.verify(key.public_jwk()));
        assert!(outcome.is_err(), "changed at {position}");
    }
    for length in 0..compact.len() {
        let outcome = Unverified::read(&compact[..length], &POLICY)
            .and_then(|unverified| unverified.verify(key.public_jwk()));
        assert!(outcome.is_err(), "cut to {length}");
    }
}

#[test]
fn another_key_does_not_verify() {
    let (key, other) = (key(), self::key());
    let compact = signed(&key, &header(&key).to_string(), "{}");

    let refusal = Unverified::read(&compact, &POLICY)
        .unwrap()
        .verify(other.public_jwk())
        .unwrap_err();

    assert!(matches!(refusal, JwsError::Signature));
}

#[test]
fn only_es256_is_an_algorithm() {
    for alg in [
        json!("none"),
        json!("HS256"),
        json!("RS256"),
        json!("ES384"),
        json!("es256"),
        json!("ES256K"),
        json!(["ES256"]),
        Value::Null,
    ] {
        let refusal = refusal_of_header(&json!({"alg": alg, "typ": "test+jwt"}));
        assert!(matches!(refusal, JwsError::Algorithm), "{alg}");
    }
    assert!(matches!(
        refusal_of_header(&json!({"typ": "test+jwt"})),
        JwsError::Algorithm
    ));
    // RFC 7519 §6: an unsecured JWT has an empty signature.
    let unsecured = format!(
        "{}.e30.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"test+jwt"}"#)
    );
    assert!(matches!(refusal(&unsecured), JwsError::Algorithm));
}

#[test]
fn only_the_expected_type_is_accepted() {
    for typ in [
        json!("JWT"),
        json!("dpop+jwt"),
        json!("TEST+JWT"),
        json!(null),
        json!(["test+jwt"]),
    ] {
        let refusal = refusal_of_header(&json!({"alg": "ES256", "typ": typ}));
        assert!(matches!(refusal, JwsError::Type), "{typ}");
    }
    assert!(matches!(
        refusal_of_header(&json!({"alg": "ES256"})),
        JwsError::Type
    ));
}

#[test]
fn critical_extensions_are_refused() {
    let b64 = json!({"alg": "ES256", "typ": "test+jwt", "b64": false, "crit": ["b64"]});
    let empty = json!({"alg": "ES256", "typ": "test+jwt", "crit": []});
    for header in [b64, empty] {
        assert!(matches!(refusal_of_header(&header), JwsError::Critical));
    }
}

#[test]
fn members_named_twice_are_refused() {
    let key = key();
    let jwk = key.public_jwk().to_json();
    let twice = format!(r#"{{"alg":"ES256","typ":"test+jwt","jwk":{jwk},"alg":"ES256"}}"#);
    assert!(matches!(
        refusal(&signed(&key, &twice, "{}")),
        JwsError::Header(_)
    ));
    let x = &jwk["x"];
    let inner = format!(r#"{{"alg":"ES256","typ":"test+jwt","jwk":{{"x":{x},"x":{x}}}}}"#);
    assert!(matches!(
        refusal(&signed(&key, &inner, "{}")),
        JwsError::Header(_)
    ));

    // JSON spells one name in several ways.
    for payload in [
        r#"{"nonce":"a","nonce":"b"}"#,
        r#"{"nonce":"a","nonc\u0065":"b"}"#,
    ] {
        let compact = signed(&key, &header(&key).to_string(), payload);
        let refusal = Unverified::read(&compact, &POLICY)
            .unwrap()
            .verify(key.public_jwk())
            .unwrap_err();
        assert!(matches!(refusal, JwsError::Payload(_)), "{payload}");
    }
}

#[test]
fn header_and_payload_must_be_objects() {
    let key = key();
    for not_an_object in ["", "[]", "\"text\"", "1", "{", "{} x", "\u{feff}{}"] {
        assert!(matches!(
            refusal(&signed(&key, not_an_object, "{}")),
            JwsError::Header(_)
        ));
        let compact = signed(&key, &header(&key).to_string(), not_an_object);
        let refusal = Unverified::read(&compact, &POLICY)
            .unwrap()
            .verify(key.public_jwk())
            .unwrap_err();
        assert!(matches!(refusal, JwsError::Payload(_)), "{not_an_object}");
    }
}

#[test]
fn deep_nesting_is_refused_instead_of_overflowing_the_stack() {
    let deep = "[".repeat(100_000);
    let header = format!(r#"{{"alg":"ES256","typ":"test+jwt","x":{deep}"#);
    let policy = Policy {
        max_bytes: 1 << 20,
        ..POLICY
    };
    let compact = signed(&key(), &header, "{}");

    assert!(matches!(
        Unverified::read(&compact, &policy),
        Err(JwsError::Header(_))
    ));
}

#[test]
fn the_form_is_checked() {
    let key = key();
    let valid = signed(&key, &header(&key).to_string(), "{}");
    let (input, signature) = valid.rsplit_once('.').unwrap();
    for malformed in [
        String::new(),
        "..".to_owned(),
        "a.b".to_owned(),
        input.to_owned(),
        format!("{valid}.{signature}"),
        format!("{input}.{signature}=="),
        format!("{input}.{signature} "),
        format!("{valid}~"),
        format!(" {valid}"),
        format!("{input}.."),
    ] {
        assert!(
            Unverified::read(&malformed, &POLICY).is_err(),
            "{malformed}"
        );
    }
    for length in [0, 63, 65] {
        let signature = URL_SAFE_NO_PAD.encode(vec![1; length]);
        let compact = format!("{input}.{signature}");
        let unverified = Unverified::read(&compact, &POLICY).unwrap();
        assert!(matches!(
            unverified.verify(key.public_jwk()),
            Err(JwsError::Signature)
        ));
    }
}

#[test]
fn long_texts_are_refused_before_they_are_read() {
    let key = key();
    let compact = signed(&key, &header(&key).to_string(), "{}");
    let policy = Policy {
        max_bytes: compact.len() - 1,
        ..POLICY
    };

    let refusal = Unverified::read(&compact, &policy).unwrap_err();

    assert!(matches!(refusal, JwsError::TooLarge { max_bytes } if max_bytes == compact.len() - 1));
    Unverified::read(
        &compact,
        &Policy {
            max_bytes: compact.len(),
            ..POLICY
        },
    )
    .unwrap();
}

#[test]
fn debug_output_shows_no_payload() {
    let key = key();
    let input = SigningInput::new(&header(&key), &json!({"secret": "Geheimnis"})).unwrap();
    let signature = key.sign_now(input.as_bytes()).unwrap();
    let compact = input.finish(&signature);
    let unverified = Unverified::read(&compact, &POLICY).unwrap();
    let mut shown = format!("{unverified:?}");
    shown += &format!("{:?}", unverified.verify(key.public_jwk()).unwrap());

    assert!(!shown.contains("Geheimnis"), "{shown}");
    let payload = compact.split('.').nth(1).unwrap();
    assert!(!shown.contains(payload), "{shown}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,128}") {
        let _ = Unverified::read(&text, &POLICY);
    }
}
