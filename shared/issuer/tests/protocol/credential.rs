//! The credential endpoint: what is issued, to whom, and how often.

use std::pin::Pin;

use ::bestow_credential::UnverifiedSdJwt;
use bestow_issuer::ErrorCode::{CredentialRequestDenied, InvalidToken};
use bestow_jose::{PublicJwk, Signature};
use bestow_signing::{SignError, Signer};
use serde_json::{Map, Value, json};

use crate::world::{
    ISSUER, NOW, SECOND, Wallet, World, claims, did_jwk, issuer_signing_with, text,
};

/// The claims of an SD-JWT VC, every disclosure revealed, its signature verified.
fn claims_of(world: &World, credential: &str) -> Map<String, Value> {
    UnverifiedSdJwt::read(credential)
        .unwrap()
        .verify(world.issuer.signing().public_jwk(), NOW)
        .unwrap()
        .claims
}

#[test]
fn a_wallet_gets_a_credential_bound_to_its_key() {
    let mut world = World::new();
    let wallet = Wallet::new();
    let token = world.authorized();
    let request = world.request(&wallet);
    let response = world.credential(&token, &request, NOW).unwrap();

    assert_eq!(response["credentials"].as_array().unwrap().len(), 1);
    assert!(response["notification_id"].is_string());
    assert_eq!(
        response.as_object().unwrap().len(),
        2,
        "a wallet of 1.0 expects no more"
    );
    let claims = claims_of(&world, text(&response["credentials"][0]["credential"]));
    assert_eq!(claims["iban"], "NL12TUL25708789078");
    assert_eq!(claims["acccount_type"], "Business Checking Account");
    assert_eq!(claims["vct"], "urn:bestow:credential:bank-account:1");
    assert_eq!(claims["iss"], "https://issuer.example");
    assert_eq!(
        claims["cnf"],
        json!({"jwk": wallet.key.public_jwk().to_json()})
    );
    let uuid = world.offer().revocation_uuid.unwrap();
    assert_eq!(
        claims["status"]["status_list"],
        json!({"idx": uuid.index(), "uri": "https://issuer.example/wallet/status-lists/0"})
    );
    // 2025-11-23T00:00:00Z: nobody can tell when in the day it was issued.
    assert_eq!(claims["iat"], 1_763_856_000);
    assert_eq!(claims["exp"], 1_763_856_000 + 730 * 86_400);
    assert_eq!(world.stage(NOW), "credential_issued");
}

#[test]
fn only_what_the_template_says_is_always_visible() {
    let mut world = World::new();
    let token = world.authorized();
    let request = world.request(&Wallet::new());
    let response = world.credential(&token, &request, NOW).unwrap();
    let credential = text(&response["credentials"][0]["credential"]);
    let jwt = credential.split('~').next().unwrap();
    let hidden = claims_of(&world, &format!("{jwt}~"));
    assert_eq!(hidden.get("iban"), None);
    assert_eq!(hidden.get("companyname"), None);
    assert_eq!(hidden["vct"], "urn:bestow:credential:bank-account:1");
}

#[test]
fn a_template_without_a_status_list_gives_a_credential_without_status() {
    let mut world = World::started(json!({"template_id": "employee_badge",
        "claims": {"given_name": "Ada", "family_name": "Lovelace", "employee_number": "E-1815"}}));
    let token = world.authorized();
    let mut request = world.request(&Wallet::new());
    request["credential_configuration_id"] = json!("EmployeeBadgeCredential");
    let response = world.credential(&token, &request, NOW).unwrap();
    let claims = claims_of(&world, text(&response["credentials"][0]["credential"]));
    assert_eq!(claims.get("status"), None);
    assert!(!world.issuer.offers().has_status_list("employee_badge"));
    assert!(world.issuer.offers().has_status_list("issue_iban"));
}

#[test]
fn a_did_that_named_the_key_is_in_the_credential() {
    let mut world = World::new();
    let wallet = Wallet::new();
    let kid = format!("{}#0", did_jwk(wallet.key.public_jwk()));
    let header = json!({"alg": "ES256", "typ": "openid4vci-proof+jwt", "kid": kid});
    let proof = wallet.sign(&header, &claims(&world.nonce(NOW)));
    let token = world.authorized();
    let request =
        json!({"credential_configuration_id": "BankAccountCredential", "proofs": {"jwt": [proof]}});
    let response = world.credential(&token, &request, NOW).unwrap();
    let claims = claims_of(&world, text(&response["credentials"][0]["credential"]));
    assert_eq!(claims["cnf"]["kid"], kid.as_str());
    assert_eq!(claims["cnf"]["jwk"], wallet.key.public_jwk().to_json());
}

#[test]
fn a_lost_answer_can_be_asked_for_again_by_the_same_key_only() {
    let mut world = World::new();
    let (wallet, other) = (Wallet::new(), Wallet::new());
    let token = world.authorized();
    let request = world.request(&wallet);
    let first = world.credential(&token, &request, NOW).unwrap();
    let second = world
        .credential(&token, &request, NOW + 200 * SECOND)
        .unwrap();
    let read = |response: &Value| {
        let mut claims = claims_of(&world, text(&response["credentials"][0]["credential"]));
        claims.remove("_sd");
        claims
    };
    assert_eq!(
        read(&first),
        read(&second),
        "the same claims, times and status"
    );
    assert_eq!(first["notification_id"], second["notification_id"]);

    let request = world.request(&other);
    let refused = world
        .credential(&token, &request, NOW + 200 * SECOND)
        .unwrap_err();
    assert_eq!(refused.code(), CredentialRequestDenied);
}

#[test]
fn of_two_keys_at_once_the_later_credential_never_leaves() {
    let mut world = World::new();
    let token = world.authorized();
    let requests = [(); 2].map(|()| world.request(&Wallet::new()));
    let [first, second] = requests.map(|request| world.signed(&token, &request, NOW).unwrap());
    assert!(world.conclude(first.unwrap()).is_ok());
    let refused = world.conclude(second.unwrap()).unwrap_err();
    assert_eq!(refused.code(), CredentialRequestDenied);
}

#[test]
fn of_two_requests_of_one_key_at_once_both_are_answered_and_one_is_recorded() {
    let mut world = World::new();
    let token = world.authorized();
    let request = world.request(&Wallet::new());
    let [first, second] =
        [NOW + SECOND, NOW + 2 * SECOND].map(|now| world.signed(&token, &request, now));
    assert!(world.conclude(first.unwrap().unwrap()).is_ok());
    let issued = world.offer().clone();
    assert!(world.conclude(second.unwrap().unwrap()).is_ok());
    assert!(*world.offer() == issued, "a repeat changes nothing");
    assert_eq!(issued.changed_at, NOW + SECOND);
}

/// A key whose service is down.
struct Unreachable(PublicJwk);

impl Signer for Unreachable {
    fn public_jwk(&self) -> &PublicJwk {
        &self.0
    }

    fn sign<'a>(
        &'a self,
        _: &'a [u8],
    ) -> Pin<Box<dyn Future<Output = Result<Signature, SignError>> + Send + 'a>> {
        Box::pin(async { Err(SignError::Local) })
    }
}

#[test]
fn nothing_is_issued_until_it_is_signed() {
    let mut world = World::new();
    let token = world.authorized();
    let request = world.request(&Wallet::new());
    let key = world.issuer.signing().public_jwk().clone();
    let working = std::mem::replace(
        &mut world.issuer,
        issuer_signing_with(ISSUER, Unreachable(key)),
    );
    let before = world.offer().clone();

    assert!(world.signed(&token, &request, NOW).unwrap().is_err());

    assert!(*world.offer() == before);
    let status = world.offer().issue_status(NOW).status;
    assert!(!status.is_terminal(), "{status:?}");

    world.issuer = working;
    assert!(world.credential(&token, &request, NOW).is_ok());
    assert_eq!(world.stage(NOW), "credential_issued");
}

#[test]
fn a_token_that_was_opened_just_before_it_expired_gets_nothing_after() {
    let mut world = World::new();
    let token = world.authorized();
    let wallet = Wallet::new();
    let late = NOW + bestow_issuer::TOKEN_LIFETIME;
    let proof = wallet.proof(&world.nonce(late));
    let request =
        json!({"credential_configuration_id": "BankAccountCredential", "proofs": {"jwt": [proof]}});
    let refused = world.credential(&token, &request, late).unwrap_err();
    assert_eq!(refused.code(), InvalidToken);
}
