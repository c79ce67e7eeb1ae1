//! The examples of RFC 9901, issued by somebody else, and what becomes of them when they are changed.

use bestow_credential::{DisclosureError, SdJwtError, UnverifiedSdJwt, VerifiedSdJwt};
use bestow_jose::PublicJwk;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Between `iat` and `exp` of the examples.
const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

/// RFC 9901 App. A.5: the key of the examples' issuer.
fn rfc_key() -> PublicJwk {
    PublicJwk::from_json(&json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
        "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8"
    }))
    .unwrap()
}

fn verify_rfc(sd_jwt: &str) -> Result<VerifiedSdJwt, SdJwtError> {
    UnverifiedSdJwt::read_typed(sd_jwt.trim_end(), &["example+sd-jwt", "dc+sd-jwt"])?
        .verify(&rfc_key(), NOW)
}

#[test]
fn the_flat_example_of_the_rfc_is_read() {
    let verified = verify_rfc(include_str!("../fixtures/rfc9901-5.1-issued.sd-jwt")).unwrap();

    let expected: Value =
        serde_json::from_str(include_str!("../fixtures/rfc9901-5.1-claims.json")).unwrap();
    assert_eq!(Value::Object(verified.claims), expected);
    assert_eq!(verified.disclosures.len(), 10);
    assert_eq!(verified.disclosures[0].name.as_deref(), Some("given_name"));
    assert_eq!(verified.disclosures[9].name, None);
    assert_eq!(verified.disclosures[9].value, "DE");
}

#[test]
fn the_structured_example_of_the_rfc_is_read() {
    let verified = verify_rfc(include_str!("../fixtures/rfc9901-a.1-presented.sd-jwt")).unwrap();

    assert_eq!(
        Value::Object(verified.claims),
        json!({
            "iss": "https://issuer.example.com",
            "iat": 1_683_000_000,
            "exp": 1_883_000_000,
            "address": {"region": "港区", "country": "JP"}
        })
    );
}

#[test]
fn the_sd_jwt_vc_of_the_rfc_is_read() {
    let verified = verify_rfc(include_str!("../fixtures/rfc9901-a.3-issued.sd-jwt")).unwrap();

    let expected: Value =
        serde_json::from_str(include_str!("../fixtures/rfc9901-a.3-claims.json")).unwrap();
    let holder_key = PublicJwk::from_json(&expected["cnf"]["jwk"]).unwrap();
    assert_eq!(verified.holder_key().unwrap(), Some(holder_key));
    assert_eq!(verified.status().unwrap(), None);
    assert_eq!(Value::Object(verified.claims), expected);
}

#[test]
fn every_disclosure_of_the_rfc_example_may_stay_away() {
    let issued = include_str!("../fixtures/rfc9901-5.1-issued.sd-jwt").trim_end();
    let all = verify_rfc(issued).unwrap().disclosures;
    let parts: Vec<&str> = issued.split_terminator('~').collect();
    for (omitted, disclosure) in (1..parts.len()).zip(all) {
        let mut kept = parts.clone();
        kept.remove(omitted);

        let claims = verify_rfc(&format!("{}~", kept.join("~"))).unwrap().claims;

        match disclosure.name {
            Some(name) => assert_eq!(claims.get(&name), None, "{name}"),
            None => assert_eq!(claims["nationalities"].as_array().unwrap().len(), 1),
        }
    }
}

#[test]
fn every_change_of_a_character_is_noticed() {
    let issued = include_str!("../fixtures/rfc9901-5.1-issued.sd-jwt").trim_end();
    for position in 0..issued.len() {
        let mut changed = issued.to_owned().into_bytes();
        changed[position] = if changed[position] == b'A' {
            b'B'
        } else {
            b'A'
        };
        let changed = String::from_utf8(changed).unwrap();
        assert!(verify_rfc(&changed).is_err(), "changed at {position}");
    }
}

#[test]
fn a_text_cut_short_is_refused_or_lacks_a_claim() {
    let issued = include_str!("../fixtures/rfc9901-5.1-issued.sd-jwt").trim_end();
    for length in 0..issued.len() {
        let cut = &issued[..length];
        let is_whole = cut.ends_with('~');
        assert_eq!(verify_rfc(cut).is_ok(), is_whole, "cut to {length}");
    }
}

#[test]
fn an_issued_credential_carries_no_key_binding() {
    let issued = include_str!("../fixtures/rfc9901-5.1-issued.sd-jwt").trim_end();
    let (jwt, _) = issued.split_once('~').unwrap();

    for text in [
        format!("{issued}{jwt}"),
        format!("{issued}x"),
        jwt.to_owned(),
        String::new(),
    ] {
        assert!(matches!(verify_rfc(&text), Err(SdJwtError::Form)));
    }
    assert!(matches!(
        verify_rfc(&format!("{jwt}~~")),
        Err(SdJwtError::Disclosure(DisclosureError::Json))
    ));
}
