//! Key proofs (N1 to N3 and N5 to N9 of the issuer's checklist): what is wrong with one, and every way to
//! name a key in one.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bestow_jose::PublicJwk;
use bestow_signing::{LocalKey, Signer};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::redeemed::Redeemed;
use crate::status_list::credential_claims;
use crate::wallet_client::now_seconds;

#[tokio::test]
async fn a_spoilt_proof_is_refused() {
    let ready = Redeemed::new().await;
    let (issuer, stranger) = (ready.offer.issuer.clone(), LocalKey::generate().unwrap());
    let own = json!(ready.wallet.key.public_jwk());
    let with = |member: &str, value: Value| {
        let mut jwk = own.clone();
        jwk[member] = value;
        jwk
    };
    let now = now_seconds();
    let header = |name: &'static str, value: Value| (name, "header", value);
    let claim = |name: &'static str, value: Value| (name, "claims", value);
    for (name, part, value) in [
        // N6
        claim("aud", json!("https://other.example")),
        claim("aud", json!(format!("{issuer}/"))),
        claim("aud", json!([issuer, "https://other.example"])),
        claim("aud", Value::Null),
        // N7
        header("typ", Value::Null),
        header("typ", json!("JWT")),
        header("typ", json!("openid4vci-proof")),
        header("alg", Value::Null),
        header("alg", json!("none")),
        header("alg", json!("HS256")),
        header("alg", json!("ES384")),
        header("alg", json!("RS256")),
        header("crit", json!(["exp"])),
        // N8
        header("kid", json!("did:jwk:abc#0")),
        header("jwk", Value::Null),
        header("jwk", json!(stranger.public_jwk())),
        header("jwk", with("d", json!("AAAA"))),
        header("jwk", json!({"kty": "oct", "k": "AAAA"})),
        header("jwk", with("crv", json!("P-384"))),
        header("jwk", with("x", own["y"].clone())),
        header("jwk", json!("text")),
        header("x5c", json!(["AAAA"])),
        // N9
        claim("iat", Value::Null),
        claim("iat", json!(now - 24 * 3600)),
        claim("iat", json!(now + 24 * 3600)),
        claim("iat", json!("now")),
        // N3
        claim("nonce", Value::Null),
        claim("nonce", json!(7)),
    ] {
        let refused = ready
            .with_proof(|proof| {
                let target = if part == "header" {
                    &mut proof.header
                } else {
                    &mut proof.claims
                };
                if value.is_null() {
                    target.as_object_mut().unwrap().remove(name);
                } else {
                    target[name] = value.clone();
                }
            })
            .await;
        assert_eq!(
            refused.body["error"],
            "invalid_proof",
            "{part} {name} {value}: {}",
            refused.text()
        );
        refused.expect_oauth_error(400, "invalid_proof");
    }
    ready.still_works().await;
}

#[tokio::test]
async fn a_key_reference_that_cannot_be_resolved_is_refused() {
    let ready = Redeemed::new().await;
    for kid in [
        "did:web:wallet.example#key",
        "did:jwk:e30#0",
        "did:jwk:!#0",
        "did:key:zNotAKey",
        "https://wallet.example/key",
        "",
    ] {
        let refused = ready
            .with_proof(|proof| {
                proof.header.as_object_mut().unwrap().remove("jwk");
                proof.header["kid"] = json!(kid);
            })
            .await;
        refused.expect_oauth_error(400, "invalid_proof");
    }
    ready.still_works().await;
}

#[tokio::test]
async fn a_proof_signed_by_another_key_is_refused() {
    let ready = Redeemed::new().await;
    let proof = ready.wallet.proof(&ready.offer).await;
    let forged = proof.sign(&LocalKey::generate().unwrap());
    let (input, _) = forged.rsplit_once('.').unwrap();
    for proof in [
        forged.clone(),
        format!("{input}."),
        input.to_owned(),
        format!("{input}.AAAA"),
    ] {
        let refused = ready
            .wallet
            .credential(&ready.offer, &ready.token, &proof)
            .await;
        refused.expect_oauth_error(400, "invalid_proof");
    }
    ready.still_works().await;
}

#[tokio::test]
async fn a_nonce_that_is_not_ours_is_told_apart_from_a_bad_proof() {
    let ready = Redeemed::new().await;
    let other = Cloud::start_ephemeral().await;
    let theirs = Redeemed::at(&other).await;
    let foreign = theirs.wallet.nonce(&theirs.offer).await;
    let own = ready.wallet.nonce(&ready.offer).await;
    let spoilt = format!("{}A", &own[..own.len() - 1]);
    for nonce in [
        "random",
        "",
        &foreign,
        &spoilt,
        &ready.offer.code,
        &ready.token,
    ] {
        if nonce == own {
            continue;
        }
        let refused = ready
            .with_proof(|proof| proof.claims["nonce"] = json!(nonce))
            .await;
        refused.expect_oauth_error(400, "invalid_nonce");
    }
    ready.still_works().await;
}

#[tokio::test]
async fn keys_come_as_jwk_did_jwk_did_key_and_certificate() {
    for binding in ["jwk", "did:jwk", "did:key", "x5c"] {
        let mut ready = Redeemed::new().await;
        let (key, certificate) = self_signed();
        ready.wallet.key = key;
        let jwk = ready.wallet.key.public_jwk().clone();
        let issued = ready
            .with_proof(|proof| {
                let header = proof.header.as_object_mut().unwrap();
                if binding != "jwk" {
                    header.remove("jwk");
                }
                match binding {
                    "did:jwk" => {
                        drop(header.insert("kid".into(), json!(format!("{}#0", did_jwk(&jwk)))))
                    }
                    "did:key" => {
                        let did = did_key(&jwk);
                        let fragment = did.strip_prefix("did:key:").unwrap();
                        header.insert("kid".into(), json!(format!("{did}#{fragment}")));
                    }
                    "x5c" => drop(header.insert("x5c".into(), json!([certificate]))),
                    _ => {}
                }
            })
            .await
            .expect(200);
        let claims = credential_claims(
            issued.body["credentials"][0]["credential"]
                .as_str()
                .unwrap(),
        );
        assert_eq!(
            claims["cnf"]["jwk"]["x"],
            json!(jwk)["x"],
            "{binding}: {claims}"
        );
    }
}

/// The key as `did:jwk`: its JWK in base64url.
fn did_jwk(key: &PublicJwk) -> String {
    let jwk = key.to_json().to_string();
    format!("did:jwk:{}", URL_SAFE_NO_PAD.encode(jwk))
}

/// The key as `did:key`: multicodec `p256-pub` and the compressed point (SEC 1 §2.3.3) in base58btc.
fn did_key(key: &PublicJwk) -> String {
    let spki = key.to_spki_der();
    let (x, y) = spki[27..].split_at(32);
    let parity = 2 + (y[31] & 1);
    let bytes = [&[0x80, 0x24, parity], x].concat();
    format!("did:key:z{}", bs58::encode(bytes).into_string())
}

/// A key and a certificate that it signed for itself, base64 of DER as in `x5c`.
fn self_signed() -> (LocalKey, String) {
    let key = rcgen::KeyPair::generate().expect("a P-256 key");
    let parameters =
        rcgen::CertificateParams::new(vec!["wallet.example".to_owned()]).expect("a name");
    let certificate = parameters.self_signed(&key).expect("a certificate");
    let local = LocalKey::from_pkcs8_pem(&key.serialize_pem()).expect("the same key");
    (local, STANDARD.encode(certificate.der()))
}
