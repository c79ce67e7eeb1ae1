//! Get issue status, and published status lists.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_contract::CredentialStatus;
use bestow_issuer::{LIST_CAPACITY, ListNumber};
use bestow_status_list::{Status, UnverifiedStatusList};
use serde_json::{Value, json};

use crate::world::{NOW, SECOND, Wallet, World, issuer, ready};

#[test]
fn a_status_is_told_from_creation_on() {
    let world = World::new();
    let status = serde_json::to_value(world.offer().issue_status(NOW)).unwrap();
    assert_eq!(
        status,
        json!({
            "status": "issue_request_created",
            "correlation_id": "89cba89",
            "revocation_uuid": world.offer().revocation_uuid,
            "stage": "offer_created",
            "template_id": "issue_iban",
            "last_updated": NOW.as_millisecond(),
        })
    );
}

#[test]
fn an_offer_that_nobody_takes_expires() {
    let mut world = World::new();
    let expiry = NOW + bestow_issuer::OFFER_LIFETIME;
    // For another minute a request that came in time may still be under way.
    assert_eq!(world.stage(expiry + 59 * SECOND), "offer_created");
    let status = serde_json::to_value(world.offer().issue_status(expiry + 60 * SECOND)).unwrap();
    assert_eq!(status["status"], "error");
    assert_eq!(status["stage"], "expired");
    assert_eq!(status["error"]["code"], "expired");
    assert_eq!(status["last_updated"], expiry.as_millisecond());
    assert_eq!(
        status["revocation_uuid"],
        json!(world.offer().revocation_uuid)
    );
    // A token that is out lives on beyond the offer.
    let code = world.code();
    world.token(&code, &[], expiry - SECOND).unwrap();
    assert_eq!(world.stage(expiry + 358 * SECOND), "token_issued");
    assert_eq!(world.stage(expiry + 359 * SECOND), "expired");
}

#[test]
fn a_completed_issuance_stays_so() {
    let mut world = World::new();
    let token = world.authorized();
    let request = world.request(&Wallet::new());
    world.credential(&token, &request, NOW).unwrap();
    let status =
        serde_json::to_value(world.offer().issue_status(NOW + 1_000_000 * SECOND)).unwrap();
    assert_eq!(status["status"], "issue_completed");
    assert_eq!(status["stage"], "credential_issued");
    assert_eq!(status.get("error"), None);
}

#[test]
fn a_published_list_shows_every_change() {
    let issuer = issuer();
    let list: ListNumber = "3".parse().unwrap();
    let entries = [
        (5, CredentialStatus::Revoked),
        (6, CredentialStatus::Suspended),
        (7, CredentialStatus::Valid),
        (LIST_CAPACITY - 1, CredentialStatus::Revoked),
    ];
    let token = ready(issuer.status_list_token(list, &entries, NOW)).unwrap();
    let uri = "https://issuer.example/wallet/status-lists/3";
    let published = UnverifiedStatusList::read(&token)
        .unwrap()
        .verify(issuer.signing().public_jwk(), uri, NOW)
        .unwrap();
    assert_eq!(published.entries(), LIST_CAPACITY as usize);
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap());
    let claims: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
    let now = NOW.as_second();
    assert_eq!(claims["iat"], now);
    assert_eq!(claims["ttl"], 300);
    assert_eq!(claims["exp"], now + 86_400);
    for (index, status) in [
        (4, Status::Valid),
        (5, Status::Invalid),
        (6, Status::Suspended),
        (7, Status::Valid),
        (u64::from(LIST_CAPACITY) - 1, Status::Invalid),
    ] {
        assert_eq!(published.status(index).unwrap(), status, "{index}");
    }
}

#[test]
fn an_entry_beyond_the_list_is_a_fault() {
    let entries = [(LIST_CAPACITY, CredentialStatus::Revoked)];
    assert!(ready(issuer().status_list_token(ListNumber::FIRST, &entries, NOW)).is_err());
}
