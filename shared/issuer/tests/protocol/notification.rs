//! The notification endpoint.

use std::time::Duration;

use bestow_issuer::{AccessToken, ErrorCode, Written};
use serde_json::{Value, json};

use crate::world::{NOW, Wallet, World};

/// A world in which the credential was issued, its token, and its notification id.
fn issued() -> (World, AccessToken, String) {
    issued_to(&Wallet::new())
}

fn issued_to(wallet: &Wallet) -> (World, AccessToken, String) {
    let mut world = World::new();
    let token = world.authorized();
    let request = world.request(wallet);
    let response = world.credential(&token, &request, NOW).unwrap();
    let id = response["notification_id"].as_str().unwrap().to_owned();
    (world, token, id)
}

fn notify(world: &mut World, token: &AccessToken, body: &Value) -> Result<(), ErrorCode> {
    let report = world
        .issuer
        .notification(token, body.to_string().as_bytes(), NOW)
        .map_err(|error| error.code())?;
    let written = world.store.write(&report);
    let outcome = token.conclude_notification(&written);
    outcome.map_err(|error| error.code())
}

#[test]
fn each_event_is_a_stage() {
    for (event, stage) in [
        ("credential_accepted", "accepted"),
        ("credential_failure", "declined"),
        ("credential_deleted", "deleted"),
    ] {
        let (mut world, token, id) = issued();
        let body =
            json!({"notification_id": id, "event": event, "event_description": "x", "foo": 1});
        assert_eq!(notify(&mut world, &token, &body), Ok(()));
        assert_eq!(world.stage(NOW), stage);
        let status = serde_json::to_value(world.offer().issue_status(NOW)).unwrap();
        assert_eq!(
            status["status"], "issue_completed",
            "completion never depends on it"
        );
    }
}

#[test]
fn n35_a_repeat_succeeds_and_changes_nothing() {
    let (mut world, token, id) = issued();
    let body = json!({"notification_id": id, "event": "credential_accepted"});
    assert_eq!(notify(&mut world, &token, &body), Ok(()));
    assert_eq!(notify(&mut world, &token, &body), Ok(()));
    assert_eq!(world.stage(NOW), "accepted");
    // What was accepted can be deleted, and no other way back is believed.
    let declined = json!({"notification_id": id, "event": "credential_failure"});
    assert_eq!(notify(&mut world, &token, &declined), Ok(()));
    assert_eq!(world.stage(NOW), "accepted");
    let deleted = json!({"notification_id": id, "event": "credential_deleted"});
    assert_eq!(notify(&mut world, &token, &deleted), Ok(()));
    assert_eq!(world.stage(NOW), "deleted");
}

#[test]
fn n35_an_unknown_id_is_refused() {
    let (mut world, token, _) = issued();
    let (_, _, id) = {
        let mut other = World::started(json!({"correlation_id": "other"}));
        let token = other.authorized();
        let request = other.request(&Wallet::new());
        let response = other.credential(&token, &request, NOW).unwrap();
        (other, token, response["notification_id"].clone())
    };
    for id in [json!("unknown"), id] {
        let body = json!({"notification_id": id, "event": "credential_accepted"});
        assert_eq!(
            notify(&mut world, &token, &body),
            Err(ErrorCode::InvalidNotificationId)
        );
    }
}

#[test]
fn n35_a_malformed_notification_is_refused() {
    let (mut world, token, id) = issued();
    for body in [
        json!({}),
        json!([]),
        json!({"notification_id": id}),
        json!({"notification_id": id, "event": "credential_lost"}),
        json!({"notification_id": id, "event": 1}),
        json!({"event": "credential_accepted"}),
        json!({"notification_id": 1, "event": "credential_accepted"}),
    ] {
        let refused = notify(&mut world, &token, &body);
        assert_eq!(
            refused,
            Err(ErrorCode::InvalidNotificationRequest),
            "{body}"
        );
    }
}

#[test]
fn claims_go_once_the_wallet_says_that_it_keeps_the_credential() {
    let wallet = Wallet::new();
    let (mut world, token, id) = issued_to(&wallet);
    let declined = json!({"notification_id": id, "event": "credential_failure"});
    notify(&mut world, &token, &declined).unwrap();
    assert!(
        world.offer().encrypted_claims.is_some(),
        "the wallet may try again"
    );
    let accepted = json!({"notification_id": id, "event": "credential_accepted"});
    notify(&mut world, &token, &accepted).unwrap();
    assert_eq!(world.stage(NOW), "accepted");
    assert_eq!(world.offer().encrypted_claims, None);

    let request = world.request(&wallet);
    let refused = world.credential(&token, &request, NOW).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::CredentialRequestDenied);
}

#[test]
fn an_issuance_succeeds_by_a_clock_that_shows_fractions_of_seconds() {
    let now = NOW + Duration::from_millis(750);
    let mut world = World::started_at(json!({"tx_code": {}}), now);
    world.fetch(now).unwrap();
    let code = world.code();
    let tx_code = world.tx_code().unwrap();
    let token = world.token(&code, &[("tx_code", &tx_code)], now).unwrap();
    let token = world.authorize(&token);
    let request = world.request(&Wallet::new());
    let response = world.credential(&token, &request, now).unwrap();
    let body =
        json!({"notification_id": response["notification_id"], "event": "credential_accepted"});
    let report = world
        .issuer
        .notification(&token, body.to_string().as_bytes(), now);
    let Ok(report) = report else {
        panic!("the notification is in order");
    };
    assert!(matches!(world.store.write(&report), Written::Applied(_)));
    assert_eq!(world.stage(now), "accepted");
}
