//! How the header of a JWS names the key.

use bestow_jose::jws::{JwsError, KeyReference, Keys, Policy, Types, Unverified};
use bestow_jose::{JwkError, PublicJwk};
use bestow_signing::Signer;
use serde_json::{Value, json};

use crate::jws::{POLICY, header, key, refusal_of_header, signed};

#[test]
fn a_private_key_in_the_header_is_refused() {
    let key = key();
    let mut header = header(&key);
    header["jwk"]["d"] = json!("AA");

    assert!(matches!(
        refusal_of_header(&header),
        JwsError::Jwk(JwkError::PrivateMember("d"))
    ));
}

#[test]
fn exactly_one_key_reference_counts() {
    let key = key();
    let jwk = key.public_jwk().to_json();
    let (chain, _) = crate::certificates::leaf_and_root(&key);
    let x5c = json!(chain.to_x5c());
    let base = json!({"alg": "ES256", "typ": "test+jwt"});
    let combine = |members: &[(&str, &Value)]| {
        let mut header = base.clone();
        for (name, value) in members {
            header[*name] = (*value).clone();
        }
        signed(&key, &header.to_string(), "{}")
    };
    let kid = json!("did:jwk:e30#0");
    for none_or_several in [
        &[][..],
        &[("jwk", &jwk), ("kid", &kid)],
        &[("jwk", &jwk), ("x5c", &x5c)],
        &[("kid", &kid), ("x5c", &x5c)],
        &[("jwk", &jwk), ("kid", &kid), ("x5c", &x5c)],
    ] {
        let compact = combine(none_or_several);
        let unverified = Unverified::read(&compact, &POLICY).unwrap();
        assert!(matches!(
            unverified.header().key(),
            Err(JwsError::KeyReference)
        ));
    }

    let compact = combine(&[("kid", &kid)]);
    let unverified = Unverified::read(&compact, &POLICY).unwrap();
    assert!(matches!(
        unverified.header().key(),
        Ok(KeyReference::Kid("did:jwk:e30#0"))
    ));

    let compact = combine(&[("x5c", &x5c)]);
    let unverified = Unverified::read(&compact, &POLICY).unwrap();
    let Ok(KeyReference::X5c(chain)) = unverified.header().key() else {
        panic!("the header carries x5c");
    };
    let leaf_key: PublicJwk = chain.leaf_key().unwrap();
    unverified.verify(&leaf_key).unwrap();
}

#[test]
fn where_the_key_is_of_a_known_set_only_its_name_counts() {
    let policy = Policy {
        keys: Keys::ByName,
        types: Types::AnyCaseOrNone(&["at+jwt"]),
        ..POLICY
    };
    let key = key();
    let read = |header: Value| {
        let compact = signed(&key, &header.to_string(), "{}");
        Unverified::read(&compact, &policy).map(|read| read.header().kid().map(str::to_owned))
    };
    let header = json!({"alg": "ES256", "kid": "1", "jwk": {"kty": "RSA"}, "x5c": ["AAAA"]});
    assert_eq!(read(header).unwrap().as_deref(), Some("1"));
    for header in [
        json!({"alg": "ES256", "jwk": key.public_jwk().to_json()}),
        json!({"alg": "ES256", "kid": null}),
        json!({"alg": "ES256", "kid": 1}),
    ] {
        assert!(matches!(read(header), Err(JwsError::Kid)));
    }
    for typ in [json!("AT+jwt"), Value::Null] {
        read(json!({"alg": "ES256", "kid": "1", "typ": typ})).unwrap();
    }
    for typ in [json!("dpop+jwt"), json!(1)] {
        let refusal = read(json!({"alg": "ES256", "kid": "1", "typ": typ})).unwrap_err();
        assert!(matches!(refusal, JwsError::Type), "{typ}");
    }
}

#[test]
fn key_references_of_the_wrong_form_are_refused() {
    let with = |name: &str, value: Value| {
        let mut header = json!({"alg": "ES256", "typ": "test+jwt"});
        header[name] = value;
        refusal_of_header(&header)
    };
    assert!(matches!(with("kid", json!(1)), JwsError::Kid));
    assert!(matches!(with("kid", Value::Null), JwsError::Kid));
    assert!(matches!(with("jwk", Value::Null), JwsError::Jwk(_)));
    for x5c in [
        json!([]),
        json!("AA"),
        json!([1]),
        json!(["!"]),
        json!(["AAAA"]),
        json!(vec!["AAAA"; 9]),
    ] {
        assert!(
            matches!(with("x5c", x5c.clone()), JwsError::X5c(_)),
            "{x5c}"
        );
    }
}
