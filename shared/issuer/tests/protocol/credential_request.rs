//! The credential endpoint: which requests are granted, in which version's words.

use bestow_issuer::ErrorCode::{
    InsufficientScope, InvalidCredentialRequest, InvalidEncryptionParameters, InvalidNonce,
    InvalidProof, InvalidToken, MissingToken, UnknownCredentialConfiguration,
    UnknownCredentialIdentifier, UnsupportedCredentialFormat, UnsupportedCredentialType,
};
use serde_json::json;

use crate::world::{NOW, Wallet, World, issuer_named, text};

#[test]
fn n4_a_request_without_a_proof_is_refused() {
    let mut world = World::new();
    let token = world.authorized();
    let request = json!({"credential_configuration_id": "BankAccountCredential"});
    assert_eq!(
        world.credential(&token, &request, NOW).unwrap_err().code(),
        InvalidProof
    );
    assert_eq!(world.stage(NOW), "token_issued", "nothing is used up");
}

#[test]
fn n15_to_n18_the_selector_is_checked_before_the_proof() {
    let mut world = World::new();
    let token = world.authorized();
    for (request, code) in [
        (
            json!({"credential_configuration_id": "Unknown"}),
            UnknownCredentialConfiguration,
        ),
        (
            json!({"credential_identifier": "unknown"}),
            UnknownCredentialIdentifier,
        ),
        // Known, but no identifiers came with this token.
        (
            json!({"credential_identifier": world.offer_id}),
            UnknownCredentialIdentifier,
        ),
        (
            json!({"credential_configuration_id": "BankAccountCredential", "credential_identifier": "x"}),
            InvalidCredentialRequest,
        ),
        (json!({}), InvalidCredentialRequest),
        (
            json!({"credential_configuration_id": "EmployeeBadgeCredential"}),
            InsufficientScope,
        ),
        (
            json!({"format": "mso_mdoc", "doctype": "x"}),
            UnsupportedCredentialFormat,
        ),
        (
            json!({"format": "vc+sd-jwt", "vct": "urn:unknown"}),
            UnsupportedCredentialType,
        ),
        (json!({"format": "vc+sd-jwt"}), InvalidCredentialRequest),
        (
            json!({"format": "vc+sd-jwt", "vct": "urn:bestow:credential:employee-badge:1"}),
            InsufficientScope,
        ),
    ] {
        let error = world.credential(&token, &request, NOW).unwrap_err();
        assert_eq!(error.code(), code, "{request}");
        assert_eq!(
            error.http_status(),
            if code == InsufficientScope { 403 } else { 400 }
        );
    }
}

#[test]
fn n19_identifiers_that_were_issued_must_be_used() {
    let mut world = World::new();
    let wallet = Wallet::new();
    let code = world.code();
    let details =
        r#"[{"type":"openid_credential","credential_configuration_id":"BankAccountCredential"}]"#;
    let response = world
        .token(&code, &[("authorization_details", details)], NOW)
        .unwrap();
    let token = world.authorize(&response);
    let mut request = world.request(&wallet);
    assert_eq!(
        world.credential(&token, &request, NOW).unwrap_err().code(),
        InvalidCredentialRequest
    );
    // Unknown comes before wrong kind.
    request["credential_configuration_id"] = json!("Unknown");
    assert_eq!(
        world.credential(&token, &request, NOW).unwrap_err().code(),
        UnknownCredentialConfiguration
    );

    let identifier = &response["authorization_details"][0]["credential_identifiers"][0];
    let request = json!({"credential_identifier": identifier, "proofs": {"jwt": [wallet.proof(&world.nonce(NOW))]}});
    assert!(world.credential(&token, &request, NOW).is_ok());
}

#[test]
fn n20_encryption_is_not_offered() {
    let mut world = World::new();
    let token = world.authorized();
    let mut request = world.request(&Wallet::new());
    request["credential_response_encryption"] = json!({"jwk": {}, "enc": "A128GCM"});
    let refused = world.credential(&token, &request, NOW).unwrap_err();
    assert_eq!(refused.code(), InvalidEncryptionParameters);
}

#[test]
fn n22_n23_a_bearer_token_in_the_header_is_needed() {
    let mut world = World::new();
    let code = world.code();
    let response = world.token(&code, &[], NOW).unwrap();
    let token = text(&response["access_token"]);
    let code_of = |authorization: Option<&str>, now| {
        world
            .issuer
            .authorize(authorization, now)
            .map(|_| ())
            .map_err(|error| error.code())
    };
    for scheme in ["Bearer", "bearer", "BEARER"] {
        assert_eq!(code_of(Some(&format!("{scheme} {token}")), NOW), Ok(()));
    }
    for none in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer  "),
        Some(token),
        Some("Basic dXNlcjpwYXNz"),
    ] {
        assert_eq!(code_of(none, NOW), Err(MissingToken), "{none:?}");
    }
    let of_the_wrong_kind = format!("Bearer {code}");
    for bad in ["Bearer x", &of_the_wrong_kind] {
        assert_eq!(code_of(Some(bad), NOW), Err(InvalidToken), "{bad}");
    }
    let ours = format!("Bearer {token}");
    assert_eq!(
        code_of(Some(&ours), NOW + bestow_issuer::TOKEN_LIFETIME),
        Err(InvalidToken)
    );
    let foreign = issuer_named("https://other.example").authorize(Some(&ours), NOW);
    assert_eq!(foreign.err().unwrap().code(), InvalidToken);
}

#[test]
fn n39_unknown_members_are_ignored() {
    let mut world = World::new();
    let token = world.authorized();
    let mut request = world.request(&Wallet::new());
    request["foo"] = json!({"bar": [1, 2]});
    assert!(world.credential(&token, &request, NOW).is_ok());
}

#[test]
fn draft_15_gets_the_credential_in_either_member() {
    let mut world = World::new();
    let wallet = Wallet::new();
    let code = world.code();
    let response = world.token(&code, &[], NOW).unwrap();
    let token = world.authorize(&response);
    // The nonce of the token answer, as wallets of draft 13 and 14 use it.
    let proof = wallet.proof(text(&response["c_nonce"]));
    let request = json!({"credential_configuration_id": "BankAccountCredential",
        "proof": {"proof_type": "jwt", "jwt": proof}});
    let response = world.credential(&token, &request, NOW).unwrap();
    assert_eq!(
        response["credential"],
        response["credentials"][0]["credential"]
    );
    assert!(response["c_nonce"].is_string());
}

#[test]
fn draft_13_asks_by_format_and_is_answered_in_its_own_words() {
    let mut world = World::new();
    let wallet = Wallet::new();
    let token = world.authorized();
    let request = |nonce: &str| {
        json!({"format": "vc+sd-jwt", "vct": "urn:bestow:credential:bank-account:1",
            "proof": {"proof_type": "jwt", "jwt": wallet.proof(nonce)}})
    };
    let refused = world
        .credential(&token, &request("invented"), NOW)
        .unwrap_err();
    assert_eq!(refused.code(), InvalidProof);
    let body = refused.body();
    assert_eq!(body["error"], "invalid_proof");
    assert_eq!(body["c_nonce_expires_in"], 300);

    let response = world
        .credential(&token, &request(text(&body["c_nonce"])), NOW)
        .unwrap();
    assert!(response["credential"].is_string());
    assert!(response["c_nonce"].is_string());
    assert_eq!(response.get("credentials"), None);
}

#[test]
fn a_refusal_to_a_wallet_of_1_0_has_no_nonce() {
    let mut world = World::new();
    let token = world.authorized();
    let request = json!({"credential_configuration_id": "BankAccountCredential",
        "proofs": {"jwt": [Wallet::new().proof("invented")]}});
    let refused = world.credential(&token, &request, NOW).unwrap_err();
    assert_eq!(refused.code(), InvalidNonce);
    let body = refused.body();
    assert_eq!(
        body.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["error", "error_description"]
    );
}
