use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_credential::{DisclosureError, SdJwtError, UnverifiedSdJwt, VerifiedSdJwt};
use bestow_jose::jws::JwsError;
use bestow_jose::{ClaimsError, PublicJwk};
use bestow_signing::{LocalKey, Signer};
use serde_json::{Value, json};

use crate::crafted::{NOW_SECONDS, digest, disclosure, jws, key, sd_jwt};

/// Between `iat` and `exp` of the RFC's examples.
const RFC_NOW_SECONDS: i64 = 1_700_000_000;

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
        .verify(&rfc_key(), RFC_NOW_SECONDS)
}

fn verify(key: &LocalKey, sd_jwt: &str) -> Result<VerifiedSdJwt, SdJwtError> {
    UnverifiedSdJwt::read(sd_jwt)?.verify(key.public_jwk(), NOW_SECONDS)
}

/// What becomes of a payload with these disclosures beside it.
fn outcome(payload: Value, disclosures: &[&str]) -> Result<VerifiedSdJwt, SdJwtError> {
    let key = key();
    verify(&key, &sd_jwt(&key, payload, disclosures))
}

fn refusal(payload: Value, disclosures: &[&str]) -> SdJwtError {
    outcome(payload, disclosures).expect_err("the SD-JWT must be refused")
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

#[test]
fn a_forged_credential_is_refused() {
    let (key, other) = (key(), crate::crafted::key());

    let refusal = verify(&key, &sd_jwt(&other, json!({}), &[])).unwrap_err();

    assert!(matches!(refusal, SdJwtError::Jws(JwsError::Signature)));
}

#[test]
fn a_disclosure_belongs_to_one_digest() {
    let name = disclosure(&json!(["salt", "name", "Erika"]));
    let stranger = disclosure(&json!(["salt", "name", "Max"]));
    let payload = json!({"_sd": [digest(&name)]});

    assert_eq!(
        outcome(payload.clone(), &[&name]).unwrap().claims["name"],
        "Erika"
    );
    assert!(matches!(
        refusal(payload.clone(), &[&name, &stranger]),
        SdJwtError::UnusedDisclosure
    ));
    assert!(matches!(
        refusal(payload.clone(), &[&stranger]),
        SdJwtError::UnusedDisclosure
    ));
    assert!(matches!(
        refusal(json!({}), &[&name]),
        SdJwtError::UnusedDisclosure
    ));
    assert!(matches!(
        refusal(payload, &[&name, &name]),
        SdJwtError::DuplicateDigest
    ));
}

#[test]
fn a_digest_occurs_once() {
    let name = disclosure(&json!(["salt", "name", "Erika"]));
    let element = disclosure(&json!(["salt", "DE"]));
    let (of_name, of_element) = (digest(&name), digest(&element));
    for payload in [
        json!({"_sd": [of_name, of_name]}),
        json!({"_sd": [of_name], "person": {"_sd": [of_name]}}),
        json!({"list": [{"...": of_name}], "_sd": [of_name]}),
    ] {
        // With the disclosure and without it.
        assert!(matches!(
            refusal(payload.clone(), &[&name]),
            SdJwtError::DuplicateDigest | SdJwtError::MisplacedDisclosure
        ));
        assert!(matches!(refusal(payload, &[]), SdJwtError::DuplicateDigest));
    }
    let twice = json!({"list": [{"...": of_element}, {"...": of_element}]});
    assert!(matches!(
        refusal(twice, &[&element]),
        SdJwtError::DuplicateDigest
    ));

    // In the payload, and again inside of a disclosure.
    let outer = disclosure(&json!(["salt", "person", {"_sd": [of_name]}]));
    let payload = json!({"_sd": [of_name, digest(&outer)]});
    assert!(matches!(
        refusal(payload, &[&name, &outer]),
        SdJwtError::DuplicateDigest
    ));
}

#[test]
fn a_disclosure_fits_its_place() {
    let member = disclosure(&json!(["salt", "name", "Erika"]));
    let element = disclosure(&json!(["salt", "Erika"]));

    let in_array = json!({"list": [{"...": digest(&member)}]});
    assert!(matches!(
        refusal(in_array, &[&member]),
        SdJwtError::MisplacedDisclosure
    ));
    let in_object = json!({"_sd": [digest(&element)]});
    assert!(matches!(
        refusal(in_object, &[&element]),
        SdJwtError::MisplacedDisclosure
    ));
}

#[test]
fn a_disclosed_claim_never_replaces_another() {
    let first = disclosure(&json!(["salt 1", "name", "Erika"]));
    let second = disclosure(&json!(["salt 2", "name", "Max"]));

    let visible = json!({"name": "Visible", "_sd": [digest(&first)]});
    assert!(matches!(
        refusal(visible, &[&first]),
        SdJwtError::DuplicateClaim
    ));
    let both = json!({"_sd": [digest(&first), digest(&second)]});
    assert!(matches!(
        refusal(both, &[&first, &second]),
        SdJwtError::DuplicateClaim
    ));
}

#[test]
fn disclosures_have_no_reserved_names() {
    for name in ["_sd", "...", "_sd_alg"] {
        let encoded = disclosure(&json!(["salt", name, []]));
        let payload = json!({"_sd": [digest(&encoded)]});
        assert!(matches!(
            refusal(payload, &[&encoded]),
            SdJwtError::Disclosure(DisclosureError::ReservedName)
        ));
    }
    for name in ["iss", "nbf", "exp", "cnf", "vct", "status"] {
        let encoded = disclosure(&json!(["salt", name, 1]));
        let at_the_top = json!({"_sd": [digest(&encoded)]});
        // vct stands in the payload as well, which is another reason to refuse.
        assert!(matches!(
            refusal(at_the_top, &[&encoded]),
            SdJwtError::NeverDisclosable | SdJwtError::DuplicateClaim
        ));
        let inside = json!({"account": {"_sd": [digest(&encoded)]}});
        assert_eq!(
            outcome(inside, &[&encoded]).unwrap().claims["account"][name],
            1
        );
    }
}

#[test]
fn malformed_disclosures_are_refused() {
    for (parts, error) in [
        (json!(["salt"]), DisclosureError::Form),
        (json!(["salt", "name", 1, 2]), DisclosureError::Form),
        (json!([1, "name", 1]), DisclosureError::Form),
        (json!(["salt", 1, 1]), DisclosureError::Form),
        (json!({"salt": 1}), DisclosureError::Form),
        (json!([]), DisclosureError::Form),
    ] {
        let encoded = disclosure(&parts);
        let SdJwtError::Disclosure(found) =
            refusal(json!({"_sd": [digest(&encoded)]}), &[&encoded])
        else {
            unreachable!("{parts}");
        };
        assert_eq!(found, error, "{parts}");
    }
    let twice = URL_SAFE_NO_PAD.encode(r#"["salt","a",{"b":1,"b":2}]"#);
    for (encoded, error) in [
        (twice.as_str(), DisclosureError::Json),
        ("e30=", DisclosureError::Base64),
        ("%%", DisclosureError::Base64),
    ] {
        let SdJwtError::Disclosure(found) = refusal(json!({"_sd": [digest(encoded)]}), &[encoded])
        else {
            unreachable!("{encoded}");
        };
        assert_eq!(found, error, "{encoded}");
    }
}

#[test]
fn malformed_digests_are_refused() {
    for payload in [
        json!({"_sd": "a"}),
        json!({"_sd": [1]}),
        json!({"_sd": {}}),
        json!({"a": {"_sd": null}}),
        json!({"a": [{"...": 1}]}),
        json!({"a": [{"...": "b", "c": 1}]}),
        json!({"a": {"...": "b"}}),
        json!({"...": "b"}),
    ] {
        assert!(
            matches!(refusal(payload.clone(), &[]), SdJwtError::MalformedDigest),
            "{payload}"
        );
    }
}

#[test]
fn decoys_leave_no_trace() {
    let verified = outcome(
        json!({"_sd": ["a", "b"], "list": ["DE", {"...": "c"}], "address": {"_sd": ["d"]}}),
        &[],
    )
    .unwrap();

    assert_eq!(
        Value::Object(verified.claims),
        json!({"vct": "urn:example", "list": ["DE"], "address": {}})
    );
}

#[test]
fn only_sha_256_is_a_hash_algorithm() {
    outcome(json!({"_sd_alg": "sha-256"}), &[]).unwrap();
    for alg in [
        json!("sha-512"),
        json!("SHA-256"),
        json!("md5"),
        json!(null),
    ] {
        assert!(
            matches!(
                refusal(json!({"_sd_alg": alg}), &[]),
                SdJwtError::HashAlgorithm
            ),
            "{alg}"
        );
    }
}

#[test]
fn disclosures_within_disclosures_do_not_overflow_the_stack() {
    let mut disclosures = vec![disclosure(&json!(["salt", "end", 1]))];
    for _ in 0..2_000 {
        let inner = digest(disclosures.last().unwrap());
        let mut value = json!({"_sd": [inner]});
        for _ in 0..50 {
            value = json!([value]);
        }
        disclosures.push(disclosure(&json!(["salt", "next", value])));
    }
    let payload = json!({"_sd": [digest(disclosures.last().unwrap())]});
    let disclosures: Vec<&str> = disclosures.iter().map(String::as_str).collect();

    assert!(matches!(
        refusal(payload, &disclosures),
        SdJwtError::TooDeep
    ));
}

#[test]
fn a_credential_is_accepted_in_its_time_only() {
    outcome(json!({"nbf": NOW_SECONDS, "exp": NOW_SECONDS + 1}), &[]).unwrap();
    assert!(matches!(
        refusal(json!({"exp": NOW_SECONDS}), &[]),
        SdJwtError::Times(ClaimsError::Expired)
    ));
    assert!(matches!(
        refusal(json!({"nbf": NOW_SECONDS + 1}), &[]),
        SdJwtError::Times(ClaimsError::NotYetValid)
    ));
    for name in ["exp", "nbf", "iat"] {
        for malformed in [json!("1"), json!(null), json!(1.5), json!(u64::MAX)] {
            let refusal = refusal(json!({ name: malformed }), &[]);
            assert!(
                matches!(refusal, SdJwtError::Times(ClaimsError::Malformed(at)) if at == name),
                "{name} {malformed}"
            );
        }
    }
}

#[test]
fn a_credential_has_a_type() {
    assert!(matches!(
        refusal(json!({"vct": null}), &[]),
        SdJwtError::Type
    ));
    assert!(matches!(refusal(json!({"vct": 1}), &[]), SdJwtError::Type));

    let key = key();
    let header = json!({"alg": "ES256", "typ": "vc+sd-jwt"});
    let jwt = jws(&key, &header, &json!({"vct": "a"}));
    assert!(matches!(
        verify(&key, &format!("{jwt}~")),
        Err(SdJwtError::Jws(JwsError::Type))
    ));
}

#[test]
fn holder_and_status_are_read_strictly() {
    let status = json!({"status_list": {"idx": 1, "uri": "https://issuer.example/lists/1"}});
    let found = outcome(json!({ "status": status }), &[])
        .unwrap()
        .status()
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.status_list.idx, found.status_list.uri.as_str()),
        (1, "https://issuer.example/lists/1")
    );
    for malformed in [
        json!(null),
        json!({}),
        json!({"status_list": {"idx": -1, "uri": "a"}}),
    ] {
        let verified = outcome(json!({ "status": malformed }), &[]).unwrap();
        assert!(
            matches!(verified.status(), Err(SdJwtError::Claim("status"))),
            "{malformed}"
        );
    }

    let verified = outcome(json!({}), &[]).unwrap();
    assert_eq!(verified.holder_key().unwrap(), None);
    for malformed in [
        json!(null),
        json!({}),
        json!({"kid": "a"}),
        json!({"jwk": {"kty": "RSA"}}),
    ] {
        let verified = outcome(json!({ "cnf": malformed }), &[]).unwrap();
        assert!(
            matches!(verified.holder_key(), Err(SdJwtError::Claim("cnf"))),
            "{malformed}"
        );
    }
}
