use std::collections::HashSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_credential::{
    ClaimPath, DisclosureFrame, HolderBinding, IssueError, RandomnessError, SdJwtVc,
    UnverifiedSdJwt, Validity, reserved_names, system_randomness,
};
use bestow_signing::Signer;
use bestow_status_list::StatusReference;
use futures::executor::block_on;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::crafted::{NOW, certified_identity, digest, identity, key, taken_apart};

fn members(json: Value) -> Map<String, Value> {
    let Value::Object(members) = json else {
        unreachable!("an object literal")
    };
    members
}

fn frame(paths: Value) -> DisclosureFrame {
    let paths: Vec<ClaimPath> = serde_json::from_value(paths).unwrap();
    DisclosureFrame::new(&paths).unwrap()
}

fn vc(claims: Value, frame: &DisclosureFrame) -> SdJwtVc<'_> {
    SdJwtVc {
        vct: "urn:example:account:1",
        issuer: Some("https://issuer.example"),
        claims: members(claims),
        frame,
        validity: Validity::rounded_to_days(NOW, Duration::from_secs(86_400)),
        holder: None,
        status: None,
    }
}

fn issue(vc: SdJwtVc<'_>) -> String {
    block_on(vc.issue(&identity(&key()), system_randomness)).unwrap()
}

#[test]
fn the_credential_says_what_it_is_and_from_when_until_when() {
    let none = DisclosureFrame::default();
    let credential = issue(vc(
        json!({"iban": "NL12TUL25708789078", "sub": "user_42"}),
        &none,
    ));

    let (header, payload, disclosures) = taken_apart(&credential);

    assert_eq!(
        header,
        json!({"alg": "ES256", "typ": "dc+sd-jwt", "kid": "key-1"})
    );
    // Without disclosable claims there is neither _sd nor _sd_alg (RFC 9901 §4.2.4.1).
    assert_eq!(
        Value::Object(payload),
        json!({
            "vct": "urn:example:account:1",
            "iss": "https://issuer.example",
            "iat": NOW.as_second(),
            "nbf": NOW.as_second(),
            "exp": NOW.as_second() + 86_400,
            "iban": "NL12TUL25708789078",
            "sub": "user_42"
        })
    );
    assert!(disclosures.is_empty());
    assert_eq!(credential.matches('~').count(), 1);
    assert!(credential.ends_with('~'));
}

#[test]
fn certificates_go_into_the_header_without_their_anchor() {
    let key = key();
    let none = DisclosureFrame::default();
    let (identity, root) = certified_identity(&key);

    let credential = block_on(vc(json!({}), &none).issue(&identity, system_randomness)).unwrap();

    let (header, _, _) = taken_apart(&credential);
    assert_eq!(header["x5c"].as_array().unwrap().len(), 1);
    let unverified = UnverifiedSdJwt::read(&credential).unwrap();
    let chain = unverified.header().x5c().unwrap().clone();
    chain.verify_path(&[root], NOW).unwrap();
    unverified.verify(&chain.leaf_key().unwrap(), NOW).unwrap();
}

#[test]
fn what_is_absent_is_not_written() {
    let none = DisclosureFrame::default();
    let validity = Validity {
        issued_at: Timestamp::UNIX_EPOCH,
        not_before: None,
        expires_at: None,
    };

    let (_, payload, _) = taken_apart(&issue(SdJwtVc {
        issuer: None,
        validity,
        ..vc(json!({}), &none)
    }));

    assert_eq!(
        Value::Object(payload),
        json!({"vct": "urn:example:account:1", "iat": 0})
    );
}

#[test]
fn the_holder_and_the_status_are_bound() {
    let none = DisclosureFrame::default();
    let holder = key().public_jwk().clone();
    let kid = "did:example:holder#0".to_owned();
    let status = StatusReference {
        idx: 4_711,
        uri: "https://issuer.example/lists/1".to_owned(),
    };
    let bound = |kid: Option<&str>| {
        let holder = HolderBinding {
            jwk: holder.clone(),
            kid: kid.map(str::to_owned),
        };
        let vc = SdJwtVc {
            holder: Some(holder),
            status: Some(status.clone()),
            ..vc(json!({}), &none)
        };
        taken_apart(&issue(vc)).1
    };

    assert_eq!(bound(None)["cnf"], json!({"jwk": holder.to_json()}));
    let payload = bound(Some(&kid));
    assert_eq!(payload["cnf"], json!({"jwk": holder.to_json(), "kid": kid}));
    assert_eq!(
        payload["status"],
        json!({"status_list": {"idx": 4_711, "uri": "https://issuer.example/lists/1"}})
    );
}

#[test]
fn a_disclosable_claim_leaves_only_its_digest() {
    let frame = frame(json!([["iban"], ["bic"]]));
    let claims = json!({"iban": "NL12TUL25708789078", "bic": "TULINL2A", "currency": "EUR"});
    let credential = issue(vc(claims, &frame));

    let (_, payload, disclosures) = taken_apart(&credential);

    assert_eq!(payload.get("iban"), None);
    assert_eq!(payload.get("bic"), None);
    assert_eq!(payload["currency"], "EUR");
    assert_eq!(payload["_sd_alg"], "sha-256");
    let mut expected: Vec<String> = credential.split('~').skip(1).take(2).map(digest).collect();
    expected.sort();
    assert_eq!(
        payload["_sd"],
        json!(expected),
        "the digests, in an order that tells nothing"
    );
    let mut revealed: Vec<(&str, &str)> = disclosures
        .iter()
        .map(|parts| (parts[1].as_str().unwrap(), parts[2].as_str().unwrap()))
        .collect();
    revealed.sort_unstable();
    assert_eq!(
        revealed,
        [("bic", "TULINL2A"), ("iban", "NL12TUL25708789078")]
    );
}

#[test]
fn claims_inside_of_a_visible_claim_are_disclosable() {
    let frame = frame(json!([["address", "street"], ["nationalities", null]]));
    let claims = json!({
        "address": {"street": "Schulstr. 12", "country": "DE"},
        "nationalities": ["DE", "FR"]
    });

    let (_, payload, disclosures) = taken_apart(&issue(vc(claims, &frame)));

    assert_eq!(
        payload.get("_sd"),
        None,
        "nothing at the top level is disclosable"
    );
    assert_eq!(payload["address"]["country"], "DE");
    assert_eq!(payload["address"].as_object().unwrap().len(), 2);
    assert_eq!(payload["address"]["_sd"].as_array().unwrap().len(), 1);
    for element in payload["nationalities"].as_array().unwrap() {
        assert_eq!(
            element.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["..."]
        );
    }
    let lengths: Vec<usize> = disclosures
        .iter()
        .map(|parts| parts.as_array().unwrap().len())
        .collect();
    assert_eq!(
        lengths,
        [3, 2, 2],
        "a member has a name, an element has none"
    );
}

#[test]
fn a_disclosable_claim_may_hold_disclosable_claims() {
    let frame = frame(json!([
        ["address"],
        ["address", "street"],
        ["address", "country"]
    ]));
    let claims = json!({"address": {"street": "Schulstr. 12", "country": "DE"}});
    let credential = issue(vc(claims, &frame));

    let (_, payload, disclosures) = taken_apart(&credential);

    assert_eq!(payload["_sd"].as_array().unwrap().len(), 1);
    let address = disclosures
        .iter()
        .find(|parts| parts[1] == "address")
        .unwrap();
    let inner = address[2].as_object().unwrap();
    assert_eq!(
        inner.keys().collect::<Vec<_>>(),
        ["_sd"],
        "no value is left in the outer one"
    );
    assert_eq!(inner["_sd"].as_array().unwrap().len(), 2);
}

#[test]
fn a_path_to_nowhere_is_passed_over() {
    let frame = frame(json!([
        ["middle_name"],
        ["name", "first"],
        ["name", null],
        ["tags", "a"]
    ]));
    let claims = json!({"name": "a string", "tags": []});

    let (_, payload, disclosures) = taken_apart(&issue(vc(claims, &frame)));

    assert!(disclosures.is_empty());
    assert_eq!(payload.get("_sd_alg"), None);
    assert_eq!(payload["name"], "a string");
}

#[test]
fn salts_are_drawn_together_and_are_all_different() {
    let frame = frame(json!([["a"], ["b"], ["b", "c"], ["d", null]]));
    let claims = json!({"a": 1, "b": {"c": 1}, "d": [1, 1, 1]});
    let mut calls = Vec::new();

    let prepared = vc(claims, &frame).prepare(&identity(&key()), |salts| {
        calls.push(salts.len());
        system_randomness(salts)
    });
    let (_, _, disclosures) = taken_apart(&prepared.unwrap().finish(&[0; 64]));

    assert_eq!(calls, [6 * 16]);
    let salts: HashSet<Vec<u8>> = disclosures
        .iter()
        .map(|parts| URL_SAFE_NO_PAD.decode(parts[0].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(salts.len(), 6);
    assert!(
        salts.iter().all(|salt| salt.len() == 16),
        "128 bits each (RFC 9901 §9.3)"
    );
}

#[test]
fn no_randomness_means_no_credential() {
    let identity = identity(&key());
    let frame = frame(json!([["a"]]));

    let refusal = vc(json!({"a": 1}), &frame).prepare(&identity, |_| Err(RandomnessError));
    assert!(matches!(refusal, Err(IssueError::Randomness(_))));

    // Nothing to salt, so nothing is drawn.
    vc(json!({"b": 1}), &frame)
        .prepare(&identity, |_| Err(RandomnessError))
        .unwrap();
}

#[test]
fn claims_cannot_replace_what_the_issuer_says() {
    let none = DisclosureFrame::default();
    let identity = identity(&key());
    let refusal = |claims: Value| match vc(claims, &none).prepare(&identity, system_randomness) {
        Err(IssueError::ReservedName(name)) => name,
        _ => unreachable!("the name is reserved"),
    };
    for name in [
        "iss",
        "nbf",
        "exp",
        "iat",
        "cnf",
        "vct",
        "vct#integrity",
        "aka_vcts",
        "status",
        "jti",
        "_sd",
        "_sd_alg",
        "...",
    ] {
        assert_eq!(refusal(json!({ name: 1 })), name);
    }
    for name in ["_sd", "_sd_alg", "..."] {
        assert_eq!(
            refusal(json!({"a": [{"b": {name: []}}]})),
            name,
            "at any depth"
        );
    }
    vc(json!({"account": {"status": "open", "exp": 1}}), &none)
        .prepare(&identity, system_randomness)
        .unwrap();
}

#[test]
fn reserved_names_are_found_with_their_places() {
    let claims = members(json!({
        "iss": {"_sd": 1},
        "account": {"iss": 1, "_sd_alg": 1, "holders": [{}, {"a/b": {"...": 1}}]},
    }));
    assert_eq!(
        reserved_names(&claims, 10),
        [
            vec!["account", "_sd_alg"],
            vec!["account", "holders", "1", "a/b", "..."],
            vec!["iss"],
        ]
    );
    assert_eq!(reserved_names(&claims, 2).len(), 2);
}

#[test]
fn a_key_elsewhere_signs_the_same_text() {
    let key = key();
    let frame = frame(json!([["a"]]));
    let prepared = vc(json!({"a": 1}), &frame)
        .prepare(&identity(&key), system_randomness)
        .unwrap();
    let signature = key.sign_now(prepared.signing_input()).unwrap();

    let credential = prepared.finish(&signature);

    let verified = UnverifiedSdJwt::read(&credential)
        .unwrap()
        .verify(key.public_jwk(), NOW)
        .unwrap();
    assert_eq!(verified.claims["a"], 1);
}

#[test]
fn debug_output_shows_no_claim() {
    let key = key();
    let frame = frame(json!([["iban"]]));
    let vc = vc(json!({"iban": "NL12TUL25708789078"}), &frame);
    let prepared = vc.prepare(&identity(&key), system_randomness).unwrap();
    let signature = key.sign_now(prepared.signing_input()).unwrap();
    let credential = prepared.finish(&signature);
    let unverified = UnverifiedSdJwt::read(&credential).unwrap();
    let mut shown = format!("{unverified:?}");
    let verified = unverified.verify(key.public_jwk(), NOW).unwrap();
    shown += &format!("{verified:?} {:?}", verified.disclosures);

    assert!(!shown.contains("NL12TUL25708789078"), "{shown}");
    let encoded = credential.split('~').nth(1).unwrap();
    assert!(!shown.contains(encoded), "{shown}");
}
