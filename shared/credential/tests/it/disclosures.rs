//! What disclosures may say, and where.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_credential::{DisclosureError, SdJwtError};
use serde_json::{Value, json};

use crate::crafted::{digest, disclosure, outcome, refusal};

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
