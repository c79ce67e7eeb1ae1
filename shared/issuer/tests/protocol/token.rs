//! The token endpoint.

use bestow_issuer::ErrorCode::{InvalidAuthorizationDetails, InvalidGrant, InvalidRequest};
use bestow_issuer::{Redeem, Redemption, TokenRequest, Written};
use serde_json::json;

use crate::world::{FORM, NOW, SECOND, World, issuer_named};

#[test]
fn a_code_is_redeemed_for_a_short_lived_bearer_token() {
    let mut world = World::new();
    let code = world.code();
    let response = world.token(&code, &[], NOW).unwrap();
    assert_eq!(response["token_type"], "Bearer");
    assert_eq!(response["expires_in"], 300);
    // Draft 13 has no other source of a nonce.
    assert!(response["c_nonce"].is_string());
    assert_eq!(response["c_nonce_expires_in"], 300);
    // Not asked for: a wallet of 1.0 would have to use the identifiers then.
    assert_eq!(response.get("authorization_details"), None);
    assert_eq!(world.stage(NOW), "token_issued");
}

#[test]
fn n26_a_code_redeemed_twice_yields_one_token() {
    let mut world = World::new();
    let code = world.code();
    world.token_named(&code, &[], NOW, [1; 16]).unwrap();
    assert_eq!(
        world.token_named(&code, &[], NOW, [2; 16]),
        Err(InvalidGrant)
    );
}

#[test]
fn n26_an_unknown_or_expired_code_is_refused() {
    let mut world = World::new();
    let code = world.code();
    for unknown in [
        "unknown",
        "SplxlOBeZQQYbYS6WxSbIA",
        &code[1..],
        &code.to_uppercase(),
    ] {
        assert_eq!(
            world.token(unknown, &[], NOW),
            Err(InvalidGrant),
            "{unknown}"
        );
    }
    let expiry = NOW + bestow_issuer::OFFER_LIFETIME;
    assert_eq!(world.token(&code, &[], expiry), Err(InvalidGrant));
    assert!(world.token(&code, &[], expiry - SECOND).is_ok());
}

#[test]
fn n26_a_code_of_another_issuer_is_refused() {
    let mut world = World::new();
    let code = world.code();
    world.issuer = issuer_named("https://other.example");
    assert_eq!(world.token(&code, &[], NOW), Err(InvalidGrant));
}

/// An offer whose code is about to be redeemed.
fn redeeming() -> (World, Redemption) {
    let mut world = World::new();
    let code = world.code();
    let body = format!(
        "grant_type={}&pre-authorized_code={code}",
        bestow_issuer::PRE_AUTHORIZED_CODE
    );
    let request = TokenRequest::parse(FORM, body.as_bytes()).unwrap();
    let Redeem::Now(redemption) = world.issuer.redeem(request, NOW, [1; 16]).unwrap() else {
        panic!("no transaction code is needed");
    };
    (world, redemption)
}

#[test]
fn a_code_of_a_purged_offer_is_refused() {
    let (world, redemption) = redeeming();
    let refused = redemption.conclude(&world.issuer, &Written::Refused(None), [2; 8]);
    assert_eq!(refused.err().unwrap().code(), InvalidGrant);
}

#[test]
fn a_write_that_had_succeeded_before_is_a_success() {
    let (mut world, redemption) = redeeming();
    assert!(matches!(
        world.store.write(&redemption.write()),
        Written::Applied(_)
    ));
    // The answer was lost, and the client of the store tries again.
    let again = world.store.write(&redemption.write());
    assert!(matches!(again, Written::Refused(Some(_))));
    assert!(redemption.conclude(&world.issuer, &again, [2; 8]).is_ok());
}

#[test]
fn n27_the_right_transaction_code_is_needed() {
    let mut world = World::started(json!({"tx_code": {}}));
    let code = world.code();
    assert_eq!(world.token(&code, &[], NOW), Err(InvalidRequest));
    assert_eq!(
        world.token(&code, &[("tx_code", "wrong")], NOW),
        Err(InvalidGrant)
    );
    let tx_code = world.tx_code().unwrap();
    assert_eq!(tx_code.len(), 6);
    assert!(world.token(&code, &[("tx_code", &tx_code)], NOW).is_ok());
}

#[test]
fn n27_a_transaction_code_that_nobody_asked_for_is_refused() {
    let mut world = World::new();
    let code = world.code();
    assert_eq!(
        world.token(&code, &[("tx_code", "1234")], NOW),
        Err(InvalidRequest)
    );
    assert!(
        world.token(&code, &[], NOW).is_ok(),
        "the code is not used up"
    );
}

#[test]
fn n27_after_five_wrong_transaction_codes_the_code_is_dead() {
    let mut world = World::started(json!({"tx_code": {}}));
    let code = world.code();
    let tx_code = world.tx_code().unwrap();
    for _ in 0..5 {
        assert_eq!(world.stage(NOW), "offer_retrieved");
        assert_eq!(
            world.token(&code, &[("tx_code", "wrong")], NOW),
            Err(InvalidGrant)
        );
    }
    assert_eq!(
        world.token(&code, &[("tx_code", &tx_code)], NOW),
        Err(InvalidGrant)
    );
    assert_eq!(world.stage(NOW), "failed");
    assert_eq!(world.offer().encrypted_claims, None);
}

#[test]
fn n27_guesses_made_at_the_same_time_are_counted_before_they_are_compared() {
    let mut world = World::started(json!({"tx_code": {}}));
    let code = world.code();
    let body = format!(
        "grant_type={}&pre-authorized_code={code}&tx_code=wrong",
        bestow_issuer::PRE_AUTHORIZED_CODE
    );
    let checks: Vec<_> = (0..8)
        .map(|_| TokenRequest::parse(FORM, body.as_bytes()).unwrap())
        .map(|request| world.issuer.redeem(request, NOW, [1; 16]).unwrap())
        .collect();
    let counted = checks.iter().filter(|redeem| {
        let Redeem::AfterTxCode(check) = redeem else {
            panic!("a transaction code is needed");
        };
        matches!(world.store.write(&check.count()), Written::Applied(_))
    });
    assert_eq!(counted.count(), 5);
}

#[test]
fn n27_the_fifth_try_may_still_be_right() {
    let mut world = World::started(json!({"tx_code": {}}));
    let code = world.code();
    let tx_code = world.tx_code().unwrap();
    for _ in 0..4 {
        assert_eq!(
            world.token(&code, &[("tx_code", "wrong")], NOW),
            Err(InvalidGrant)
        );
    }
    assert!(world.token(&code, &[("tx_code", &tx_code)], NOW).is_ok());
}

#[test]
fn authorization_details_are_answered_with_identifiers() {
    let mut world = World::new();
    let code = world.code();
    let details = r#"[{"type":"openid_credential","credential_configuration_id":"BankAccountCredential","locations":["https://issuer.example"]}]"#;
    let response = world
        .token(&code, &[("authorization_details", details)], NOW)
        .unwrap();
    let answered = response["authorization_details"].as_array().unwrap();
    assert_eq!(answered.len(), 1);
    assert_eq!(answered[0]["type"], "openid_credential");
    assert_eq!(
        answered[0]["credential_configuration_id"],
        "BankAccountCredential"
    );
    assert_eq!(
        answered[0]["credential_identifiers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn n29_authorization_details_for_anything_else_are_refused() {
    let mut world = World::new();
    let code = world.code();
    for configuration in ["Unknown", "EmployeeBadgeCredential"] {
        let details =
            json!([{"type": "openid_credential", "credential_configuration_id": configuration}])
                .to_string();
        assert_eq!(
            world.token(&code, &[("authorization_details", &details)], NOW),
            Err(InvalidAuthorizationDetails)
        );
    }
    assert!(
        world.token(&code, &[], NOW).is_ok(),
        "the code is not used up"
    );
}
