//! Key proofs.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bestow_issuer::ErrorCode::{self, InvalidNonce, InvalidProof};
use bestow_signing::Signer;
use serde_json::{Value, json};

use crate::world::{ISSUER, NOW, SECOND, Wallet, World, claims, did_jwk, issuer_named};

/// What becomes of a request with this proof.
fn outcome(world: &mut World, proof: &str) -> Result<(), ErrorCode> {
    let token = world.authorized();
    let body =
        json!({"credential_configuration_id": "BankAccountCredential", "proofs": {"jwt": [proof]}});
    world
        .credential(&token, &body, NOW)
        .map(|_| ())
        .map_err(|error| error.code())
}

/// A proof whose header and claims are right but for these members; null removes one.
fn outcome_of(header: Value, changed: Value) -> Result<(), ErrorCode> {
    let mut world = World::new();
    let wallet = Wallet::new();
    let proof = wallet.sign(
        &laid_over(wallet.header(), header),
        &laid_over(claims(&world.nonce(NOW)), changed),
    );
    outcome(&mut world, &proof)
}

fn laid_over(mut value: Value, changes: Value) -> Value {
    let members = value.as_object_mut().unwrap();
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), change.clone());
        }
    }
    value
}

#[test]
fn a_proof_with_jwk_is_accepted() {
    assert_eq!(outcome_of(json!({}), json!({})), Ok(()));
}

#[test]
fn a_proof_with_a_did_is_accepted() {
    let mut world = World::new();
    let wallet = Wallet::new();
    let jwk = wallet.key.public_jwk();
    for kid in [format!("{}#0", did_jwk(jwk)), did_jwk(jwk)] {
        let header = json!({"alg": "ES256", "typ": "openid4vci-proof+jwt", "kid": kid});
        let proof = wallet.sign(&header, &claims(&world.nonce(NOW)));
        assert_eq!(outcome(&mut world, &proof), Ok(()), "{kid}");
        world = World::new();
    }
}

#[test]
fn a_proof_with_a_certificate_is_accepted() {
    let mut world = World::new();
    let wallet = Wallet::new();
    let key = rcgen::KeyPair::from_pem(&wallet.key.to_pkcs8_pem().unwrap()).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["wallet.example".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let header = json!({"alg": "ES256", "typ": "openid4vci-proof+jwt", "x5c": [STANDARD.encode(certificate.der())]});
    let proof = wallet.sign(&header, &claims(&world.nonce(NOW)));
    assert_eq!(outcome(&mut world, &proof), Ok(()));
}

#[test]
fn n1_an_invented_nonce_is_refused() {
    for nonce in [
        "",
        "invented",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        assert_eq!(
            outcome_of(json!({}), json!({"nonce": nonce})),
            Err(InvalidNonce),
            "{nonce:?}"
        );
    }
}

#[test]
fn n2_an_old_nonce_or_another_issuers_is_refused() {
    let mut world = World::new();
    let wallet = Wallet::new();
    let old = world.nonce(NOW - bestow_issuer::NONCE_LIFETIME);
    assert_eq!(outcome(&mut world, &wallet.proof(&old)), Err(InvalidNonce));

    let mut world = World::new();
    let foreign = issuer_named("https://other.example")
        .nonce(NOW, [3; 8])
        .unwrap()
        .c_nonce;
    assert_eq!(
        outcome(&mut world, &wallet.proof(&foreign)),
        Err(InvalidNonce)
    );

    // A code is sealed by the same means, for another purpose.
    let mut world = World::new();
    let code = world.code();
    assert_eq!(outcome(&mut world, &wallet.proof(&code)), Err(InvalidNonce));

    let mut world = World::new();
    let fresh = world.nonce(NOW - bestow_issuer::NONCE_LIFETIME + SECOND);
    assert_eq!(outcome(&mut world, &wallet.proof(&fresh)), Ok(()));
}

#[test]
fn n3_a_proof_without_a_nonce_is_refused() {
    assert_eq!(
        outcome_of(json!({}), json!({"nonce": null})),
        Err(InvalidProof)
    );
    assert_eq!(
        outcome_of(json!({}), json!({"nonce": 7})),
        Err(InvalidProof)
    );
}

#[test]
fn n5_a_bad_signature_is_refused_before_the_nonce_is_looked_at() {
    let mut world = World::new();
    let (wallet, other) = (Wallet::new(), Wallet::new());
    let proof = other.sign(&wallet.header(), &claims("invented"));
    assert_eq!(outcome(&mut world, &proof), Err(InvalidProof));
}

#[test]
fn n6_the_audience_must_be_this_issuer() {
    for aud in [
        json!(null),
        json!("https://other.example"),
        json!("https://issuer.example/"),
        json!("https://ISSUER.example"),
        json!([]),
        json!([ISSUER, "https://other.example"]),
        json!(7),
    ] {
        assert_eq!(
            outcome_of(json!({}), json!({"aud": aud})),
            Err(InvalidProof),
            "{aud}"
        );
    }
    assert_eq!(outcome_of(json!({}), json!({"aud": [ISSUER]})), Ok(()));
}

#[test]
fn n7_type_and_algorithm_must_be_the_listed_ones() {
    for header in [
        json!({"typ": null}),
        json!({"typ": "JWT"}),
        json!({"typ": "openid4vci-proof"}),
        json!({"alg": null}),
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"alg": "ES384"}),
        json!({"alg": "RS256"}),
        json!({"crit": ["exp"]}),
    ] {
        assert_eq!(
            outcome_of(header.clone(), json!({})),
            Err(InvalidProof),
            "{header}"
        );
    }
}

#[test]
fn n7_an_unsigned_proof_is_refused() {
    let mut world = World::new();
    let header = laid_over(Wallet::new().header(), json!({"alg": "none"}));
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let proof = format!("{}.{}.", part(&header), part(&claims(&world.nonce(NOW))));
    assert_eq!(outcome(&mut world, &proof), Err(InvalidProof));
    for garbage in ["", ".", "..", "a.b.c", "ä.ö.ü", "eyJ"] {
        let mut world = World::new();
        assert_eq!(outcome(&mut world, garbage), Err(InvalidProof), "{garbage}");
    }
}

#[test]
fn n8_the_key_must_be_named_once_and_be_public() {
    let wallet = Wallet::new();
    let did = format!("{}#0", did_jwk(wallet.key.public_jwk()));
    let mut private = wallet.key.public_jwk().to_json();
    private["d"] = json!("AAAA");
    for header in [
        json!({"kid": did}),
        json!({"jwk": null}),
        json!({"jwk": private}),
        json!({"jwk": {"kty": "oct", "k": "AAAA"}}),
        json!({"jwk": "key"}),
        json!({"jwk": null, "kid": "key-1"}),
        json!({"jwk": null, "kid": "did:web:wallet.example#0"}),
        json!({"jwk": null, "kid": "did:jwk:AAAA#0"}),
        json!({"jwk": null, "x5c": []}),
        json!({"jwk": null, "x5c": ["AAAA"]}),
    ] {
        assert_eq!(
            outcome_of(header.clone(), json!({})),
            Err(InvalidProof),
            "{header}"
        );
    }
}

#[test]
fn n9_a_proof_must_be_dated_about_now() {
    let now = NOW.as_second();
    for iat in [
        json!(null),
        json!("now"),
        json!(now - 601),
        json!(now + 121),
        json!(0),
        json!(u64::MAX),
        json!(-1e300),
    ] {
        assert_eq!(
            outcome_of(json!({}), json!({"iat": iat})),
            Err(InvalidProof),
            "{iat}"
        );
    }
    for iat in [json!(now - 600), json!(now + 120), json!(now as f64 + 0.5)] {
        assert_eq!(outcome_of(json!({}), json!({"iat": iat})), Ok(()), "{iat}");
    }
    assert_eq!(
        outcome_of(json!({}), json!({"exp": now})),
        Err(InvalidProof)
    );
    assert_eq!(
        outcome_of(json!({}), json!({"nbf": now + 121})),
        Err(InvalidProof)
    );
}

#[test]
fn n39_what_a_proof_says_besides_does_not_matter() {
    let header = json!({"foo": 1, "trust_chain": []});
    let claims = json!({"iss": "did:jwk:whoever", "jti": "1", "foo": {"bar": []}, "exp": NOW.as_second() + 60});
    assert_eq!(outcome_of(header, claims), Ok(()));
}
