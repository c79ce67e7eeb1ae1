//! The mission: one HTTP call, and the customer's wallet holds the credential.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::backend::{Backend, badge, iban, iban_claims, unique};
use crate::cloud;
use crate::status_list::credential_claims;
use crate::wallet_client::{WalletClient, offer_uri};

#[tokio::test]
async fn a_personal_wallet_takes_the_sample_credential() {
    let backend = cloud::shared().backend();
    let id = unique("personal");
    let mut body = iban(&id);
    body["qr_code"] = json!({});

    let started = backend.start(&body).await.expect(201);
    assert_eq!(started.str("correlation_id"), id);
    assert!(
        started
            .str("request_uri")
            .starts_with("openid-credential-offer://?credential_offer_uri=")
    );
    assert!(started.str("qr_uri").starts_with("data:image/png;base64,"));
    let created = backend.status(&id).await.expect(200).body;
    assert_eq!(created["status"], "issue_request_created");
    assert_eq!(created["template_id"], "issue_iban");

    let taken = WalletClient::new().take(started.str("request_uri")).await;
    assert_eq!(
        credential_claims(&taken.credential)["iss"],
        backend.base_url
    );
    let completed = backend.until_status(&id, "issue_completed").await;
    assert_eq!(completed["revocation_uuid"], created["revocation_uuid"]);
}

#[tokio::test]
async fn an_operator_chooses_how_long_an_offer_can_be_taken() {
    let cloud = cloud::Cloud::start_with_parameters([("OfferLifetimeSeconds", "3600")]).await;
    let before = unix_seconds();
    let started = cloud.backend().start_iban(&unique("long-offer")).await;
    let expires_at = started.body["expires_at"].as_u64().expect("a number");
    assert!((before + 3600..=unix_seconds() + 3600).contains(&expires_at));
}

#[tokio::test]
async fn an_organisation_wallet_is_opened_with_the_offer_and_takes_it() {
    let backend = cloud::shared().backend();
    let id = unique("organisation");
    let mut body = iban(&id);
    body["request_uri_base"] = json!("https://customerwallet.com");

    let started = backend.start(&body).await.expect(201);
    assert!(
        started
            .str("request_uri")
            .starts_with("https://customerwallet.com/?credential_offer_uri=http"),
        "{}",
        started.str("request_uri")
    );
    assert_eq!(started.body.get("qr_uri"), None);

    WalletClient::new().take(started.str("request_uri")).await;
    backend.until_status(&id, "issue_completed").await;
}

#[tokio::test]
async fn completion_shows_within_two_seconds_of_the_wallets_last_request() {
    let backend = cloud::shared().backend();
    let id = unique("prompt");
    let started = backend.start_iban(&id).await;
    WalletClient::new().take(started.str("request_uri")).await;

    let last_request = Instant::now();
    backend.until_status(&id, "issue_completed").await;
    assert!(
        last_request.elapsed() < Duration::from_secs(2),
        "{:?}",
        last_request.elapsed()
    );
}

#[tokio::test]
async fn completion_needs_no_notification_and_a_notification_only_adds_the_stage() {
    let backend = cloud::shared().backend();
    let id = unique("stages");
    let started = backend.start_iban(&id).await;
    let wallet = WalletClient::new();

    let taken = wallet.take(started.str("request_uri")).await;
    let completed = backend.until_status(&id, "issue_completed").await;
    assert_eq!(completed["stage"], "credential_issued");

    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    let accepted = backend.until_stage(&id, "accepted").await;
    assert_eq!(accepted["status"], "issue_completed");
    let sequence = |body: &Value| body["sequence"].as_u64().expect("a number");
    assert_eq!(sequence(&accepted), sequence(&completed) + 1);

    wallet
        .notify(&taken, "credential_deleted")
        .await
        .expect(204);
    let deleted = backend.until_stage(&id, "deleted").await;
    assert_eq!(sequence(&deleted), sequence(&completed) + 2);
    assert_eq!(deleted["revocation_uuid"], completed["revocation_uuid"]);
}

#[tokio::test]
async fn the_revocation_uuid_is_there_from_the_start_and_never_changes() {
    let backend = cloud::shared().backend();
    let id = unique("uuid");
    let started = backend.start_iban(&id).await;
    let created = backend.revocation_uuid(&id).await;
    WalletClient::new().take(started.str("request_uri")).await;
    let completed = backend.until_status(&id, "issue_completed").await;
    assert_eq!(completed["revocation_uuid"], created);
    let again = Backend::status(&backend, &id).await.expect(200).body;
    assert_eq!(again["revocation_uuid"], created);
}

#[tokio::test]
async fn a_badge_without_status_list_has_no_revocation_uuid() {
    let backend = cloud::shared().backend();
    let id = unique("badge");
    let started = backend.start(&badge(&id)).await.expect(201);
    assert_eq!(
        backend
            .status(&id)
            .await
            .expect(200)
            .body
            .get("revocation_uuid"),
        None
    );

    let taken = WalletClient::new().take(started.str("request_uri")).await;
    assert_eq!(credential_claims(&taken.credential).get("status"), None);
    let completed = backend.until_status(&id, "issue_completed").await;
    assert_eq!(completed.get("revocation_uuid"), None);
}

#[tokio::test]
async fn the_sequence_grows_by_one_and_never_goes_back() {
    let backend = cloud::shared().backend();
    let id = unique("sequence");
    let started = backend.start_iban(&id).await;
    let created = backend.status(&id).await.expect(200).body;
    WalletClient::new().take(started.str("request_uri")).await;

    let mut seen: Vec<(u64, Value)> = vec![(created["sequence"].as_u64().unwrap(), created)];
    while seen
        .last()
        .is_some_and(|(_, view)| view["status"] != "issue_completed")
    {
        let view = backend.status(&id).await.expect(200).body;
        let sequence = view["sequence"].as_u64().unwrap();
        let (last, before) = seen.last().unwrap();
        if sequence == *last {
            assert_eq!(&view, before, "a change without a new sequence");
        } else {
            assert!(sequence > *last, "{sequence} after {last}");
            assert!(view["last_updated"].as_u64() >= before["last_updated"].as_u64());
            seen.push((sequence, view));
        }
    }
}

#[tokio::test]
async fn a_success_never_carries_both_status_and_detail() {
    let backend = cloud::shared().backend();
    let id = unique("pair");
    let started = backend.start_iban(&id).await;
    assert_eq!(
        (started.body.get("status"), started.body.get("detail")),
        (None, None)
    );
    assert_eq!(
        backend.status(&id).await.expect(200).body.get("detail"),
        None
    );
}

#[tokio::test]
async fn times_in_a_credential_do_not_tell_when_it_was_taken() {
    let backend = cloud::shared().backend();
    for body in [iban(&unique("rounded")), badge(&unique("rounded"))] {
        let started = backend.start(&body).await.expect(201);
        let taken = WalletClient::new().take(started.str("request_uri")).await;
        let claims = credential_claims(&taken.credential);
        let time = |name: &str| claims[name].as_u64();
        assert!(
            time("exp") > time("iat") && time("exp").is_some(),
            "{claims}"
        );
        // RFC 9901 §10.1: issuers round, so that colluding verifiers cannot link by time.
        for seconds in ["iat", "nbf", "exp"].into_iter().filter_map(time) {
            assert_eq!(seconds % 3600, 0, "{claims}");
        }
    }
}

#[tokio::test]
async fn claims_are_disclosed_to_the_holder_and_hidden_in_the_signed_part() {
    let backend = cloud::shared().backend();
    let started = backend.start_iban(&unique("hidden")).await;
    assert!(offer_uri(started.str("request_uri")).starts_with(&backend.base_url));
    let taken = WalletClient::new().take(started.str("request_uri")).await;

    let signed = credential_claims(&taken.credential).to_string();
    let disclosed = disclosures(&taken.credential);
    for (name, value) in iban_claims().as_object().unwrap() {
        assert!(
            !signed.contains(value.as_str().unwrap()),
            "{name} is not hidden"
        );
        assert!(
            disclosed.iter().any(|d| d[1] == *name && d[2] == *value),
            "{name}: {disclosed:?}"
        );
    }
}

/// The disclosures of an SD-JWT: arrays of salt, name and value (RFC 9901 §4.2).
fn disclosures(credential: &str) -> Vec<Value> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    credential
        .split('~')
        .skip(1)
        .filter(|part| !part.is_empty())
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect()
}

fn unix_seconds() -> u64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.expect("after 1970").as_secs()
}
