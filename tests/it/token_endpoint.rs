//! The token endpoint's refusals (N26 to N29 and N39 of the issuer's checklist), and transaction codes.

use futures::future::join_all;
use serde_json::json;

use crate::answer::Answer;
use crate::backend::{Backend, iban, unique};
use crate::cloud::{self, Cloud};
use crate::wallet_client::{Offer, PRE_AUTHORIZED_CODE, WalletClient};

async fn offer(backend: &Backend, wallet: &WalletClient) -> Offer {
    let started = backend.start_iban(&unique("token")).await;
    wallet.read_offer(started.str("request_uri")).await
}

/// An offer with a transaction code, and the code.
async fn guarded_offer(backend: &Backend, wallet: &WalletClient) -> (Offer, String) {
    let mut body = iban(&unique("tx-code"));
    body["tx_code"] = json!({"input_mode": "numeric", "length": 6, "description": "Sent by post"});
    let started = backend.start(&body).await.expect(201);
    let offer = wallet.read_offer(started.str("request_uri")).await;
    (offer, started.str("tx_code").to_owned())
}

#[tokio::test]
async fn a_token_answer_is_bearer_short_lived_and_not_stored() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let offer = offer(&backend, &wallet).await;
    let token = wallet.token(&offer, None).await.expect(200);
    assert!(token.str("token_type").eq_ignore_ascii_case("bearer"));
    assert!(
        token.body["expires_in"]
            .as_u64()
            .is_some_and(|seconds| (1..=300).contains(&seconds))
    );
    assert!(token.str("access_token").len() >= 22, "at least 128 bits");
    assert!(token.header("cache-control").contains("no-store"));
    assert_eq!(
        token.body.get("authorization_details"),
        None,
        "they were not asked for"
    );
}

#[tokio::test]
async fn a_code_redeemed_twice_yields_one_token() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let offer = offer(&backend, &wallet).await;
    wallet.token(&offer, None).await.expect(200);
    wallet
        .token(&offer, None)
        .await
        .expect_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn of_concurrent_redemptions_exactly_one_succeeds() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    for _ in 0..5 {
        let offer = offer(&backend, &wallet).await;
        let answers = join_all((0..4).map(|_| wallet.token(&offer, None))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "{answers:?}");
        lost.iter()
            .for_each(|answer| answer.expect_oauth_error(400, "invalid_grant"));
    }
}

#[tokio::test]
async fn malformed_token_requests_are_refused() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let offer = offer(&backend, &wallet).await;
    let grant = ("grant_type", PRE_AUTHORIZED_CODE);
    let code = ("pre-authorized_code", offer.code.as_str());
    let spoilt = format!("{}x", offer.code);
    let details = |id: &str| {
        json!([{"type": "openid_credential", "credential_configuration_id": id}]).to_string()
    };
    let unknown = details("no_such_configuration");
    for (form, error) in [
        (vec![], "invalid_request"),
        (vec![grant], "invalid_request"),
        (vec![code], "invalid_request"),
        (vec![grant, ("pre-authorized_code", "")], "invalid_request"),
        (vec![grant, code, code], "invalid_request"),
        (vec![grant, code, ("tx_code", "123456")], "invalid_request"),
        (
            vec![("grant_type", "authorization_code"), ("code", "x")],
            "unsupported_grant_type",
        ),
        (
            vec![("grant_type", "password"), code],
            "unsupported_grant_type",
        ),
        (
            vec![grant, ("pre-authorized_code", "unknown")],
            "invalid_grant",
        ),
        (
            vec![
                grant,
                ("pre-authorized_code", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            ],
            "invalid_grant",
        ),
        (
            vec![grant, ("pre-authorized_code", &spoilt)],
            "invalid_grant",
        ),
        (
            vec![grant, code, ("authorization_details", &unknown)],
            "invalid_authorization_details",
        ),
        (
            vec![grant, code, ("authorization_details", "[")],
            "invalid_authorization_details",
        ),
    ] {
        let refused = wallet.token_form(&offer, &form).await;
        assert_eq!(refused.body["error"], error, "{form:?}: {}", refused.text());
        refused.expect_oauth_error(400, error);
    }
    // None of that used the code up.
    wallet.token(&offer, None).await.expect(200);
}

#[tokio::test]
async fn a_token_request_as_json_is_refused() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let offer = offer(&backend, &wallet).await;
    let body = json!({"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": offer.code});
    let refused = Answer::to(wallet.http.post(&offer.token_endpoint).json(&body)).await;
    refused.expect_oauth_error(400, "invalid_request");
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_a_client_id_is_not_needed() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    for extra in [
        ("client_id", "wallet.example"),
        ("resource", "https://issuer.example"),
        ("something_new", "1"),
        ("scope", "issue_iban"),
    ] {
        let offer = offer(&backend, &wallet).await;
        let form = [
            ("grant_type", PRE_AUTHORIZED_CODE),
            ("pre-authorized_code", &offer.code),
            extra,
        ];
        wallet.token_form(&offer, &form).await.expect(200);
    }
    let offer = offer(&backend, &wallet).await;
    let server = format!("{}/.well-known/oauth-authorization-server", offer.issuer);
    let metadata = wallet.get(&server).await.expect(200);
    assert_eq!(
        metadata.body["pre-authorized_grant_anonymous_access_supported"],
        true
    );
}

#[tokio::test]
async fn authorization_details_that_are_asked_for_come_with_identifiers() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let offer = offer(&backend, &wallet).await;
    let details = json!([{
        "type": "openid_credential", "credential_configuration_id": offer.configuration_id
    }])
    .to_string();
    let form = [
        ("grant_type", PRE_AUTHORIZED_CODE),
        ("pre-authorized_code", &offer.code),
        ("authorization_details", &details),
    ];
    let token = wallet.token_form(&offer, &form).await.expect(200);
    let identifier = &token.body["authorization_details"][0]["credential_identifiers"][0];
    let proof = wallet.proof(&offer).await.sign(&wallet.key);
    let body = json!({"credential_identifier": identifier, "proofs": {"jwt": [proof]}});
    wallet
        .credential_request(&offer, token.str("access_token"), &body)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_code_of_another_issuer_is_refused() {
    let wallet = WalletClient::new();
    let ours = offer(&cloud::shared().backend(), &wallet).await;
    let other = Cloud::start_ephemeral().await;
    let mut theirs = offer(&other.backend(), &wallet).await;
    theirs.code = ours.code.clone();
    wallet
        .token(&theirs, None)
        .await
        .expect_oauth_error(400, "invalid_grant");
    wallet.token(&ours, None).await.expect(200);
}

#[tokio::test]
async fn the_transaction_code_goes_to_the_backend_alone() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let (offer, code) = guarded_offer(&backend, &wallet).await;
    assert!(
        code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()),
        "{code}"
    );
    let shown = offer
        .tx_code
        .clone()
        .expect("the offer says that a code is needed");
    assert_eq!(
        shown,
        json!({"input_mode": "numeric", "length": 6, "description": "Sent by post"})
    );
    assert!(!wallet.get(&offer.uri).await.text().contains(&code));

    wallet.token(&offer, Some(&code)).await.expect(200);
}

#[tokio::test]
async fn a_text_code_has_the_length_asked_for() {
    let backend = cloud::shared().backend();
    let mut body = iban(&unique("text-code"));
    body["tx_code"] = json!({"input_mode": "text", "length": "8"});
    let started = backend.start(&body).await.expect(201);
    assert_eq!(started.str("tx_code").chars().count(), 8);
}

#[tokio::test]
async fn a_wrong_or_missing_transaction_code_does_not_burn_the_code() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let (offer, code) = guarded_offer(&backend, &wallet).await;
    wallet
        .token(&offer, None)
        .await
        .expect_oauth_error(400, "invalid_request");
    wallet
        .token(&offer, Some(&other_than(&code, 0)))
        .await
        .expect_oauth_error(400, "invalid_grant");
    wallet
        .token(&offer, Some(""))
        .await
        .expect_oauth_error(400, "invalid_request");
    wallet.token(&offer, Some(&code)).await.expect(200);
}

#[tokio::test]
async fn after_five_wrong_guesses_the_right_code_comes_too_late() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let (offer, code) = guarded_offer(&backend, &wallet).await;
    for guess in 0..5 {
        let refused = wallet.token(&offer, Some(&other_than(&code, guess))).await;
        refused.expect_oauth_error(400, "invalid_grant");
    }
    wallet
        .token(&offer, Some(&code))
        .await
        .expect_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn guessing_in_parallel_gives_no_more_guesses() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let (offer, code) = guarded_offer(&backend, &wallet).await;
    let guesses: Vec<_> = (0..40).map(|guess| other_than(&code, guess)).collect();
    let refused = join_all(
        guesses
            .iter()
            .map(|guess| wallet.token(&offer, Some(guess))),
    )
    .await;
    refused
        .iter()
        .for_each(|answer| answer.expect_oauth_error(400, "invalid_grant"));
    // Forty guesses were made and five were allowed, so the right one cannot be the sixth.
    wallet
        .token(&offer, Some(&code))
        .await
        .expect_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_dead_transaction_code_ends_the_issuance_in_error() {
    let (backend, wallet) = (cloud::shared().backend(), WalletClient::new());
    let mut body = iban(&unique("dead"));
    body["tx_code"] = json!({});
    let started = backend.start(&body).await.expect(201);
    let offer = wallet.read_offer(started.str("request_uri")).await;
    for guess in 0..5 {
        wallet
            .token(&offer, Some(&other_than(started.str("tx_code"), guess)))
            .await
            .expect(400);
    }
    let ended = backend
        .until_status(started.str("correlation_id"), "error")
        .await;
    assert_eq!(ended["stage"], "failed");
    assert!(
        ended["error"]["code"].is_string() && ended["error"]["message"].is_string(),
        "{ended}"
    );
}

/// A six-digit code that is not `code`; another one for each `number`.
fn other_than(code: &str, number: u32) -> String {
    let value: u32 = code.parse().expect("a numeric code");
    format!("{:06}", (value + 1 + number) % 1_000_000)
}
