//! What the issuer-signed part must say.

use bestow_credential::SdJwtError;
use bestow_jose::ClaimsError;
use bestow_jose::jws::JwsError;
use serde_json::json;

use crate::crafted::{NOW, jws, key, outcome, refusal, sd_jwt, verify};

#[test]
fn a_forged_credential_is_refused() {
    let (key, other) = (key(), crate::crafted::key());

    let refusal = verify(&key, &sd_jwt(&other, json!({}), &[])).unwrap_err();

    assert!(matches!(refusal, SdJwtError::Jws(JwsError::Signature)));
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
fn a_credential_is_accepted_in_its_time_only() {
    outcome(
        json!({"nbf": NOW.as_second(), "exp": NOW.as_second() + 1}),
        &[],
    )
    .unwrap();
    assert!(matches!(
        refusal(json!({"exp": NOW.as_second()}), &[]),
        SdJwtError::Times(ClaimsError::Expired)
    ));
    assert!(matches!(
        refusal(json!({"nbf": NOW.as_second() + 1}), &[]),
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
        (found.idx, found.uri.as_str()),
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
