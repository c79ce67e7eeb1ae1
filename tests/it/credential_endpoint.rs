//! The credential endpoint's refusals (N4, N10, N11, N15 to N18, N20, N22, N23, N39, N40 of the issuer's
//! checklist), and what it forgives.

use bestow_signing::LocalKey;
use serde_json::json;

use crate::answer::Answer;
use crate::backend::unique;
use crate::cloud::{self, Cloud};
use crate::redeemed::Redeemed;
use crate::status_list::credential_claims;
use crate::wallet_client::{Proof, WalletClient, credential_request};

#[tokio::test]
async fn a_malformed_request_is_refused() {
    let ready = Redeemed::new().await;
    let proof = ready.proof().await;
    let id = ready.offer.configuration_id.clone();
    for (body, errors) in [
        // N4
        (
            json!({"credential_configuration_id": id}),
            ["invalid_proof"].as_slice(),
        ),
        // N10
        (
            json!({"credential_configuration_id": id, "proofs": {}}),
            &["invalid_proof", "invalid_credential_request"],
        ),
        (
            json!({"credential_configuration_id": id, "proofs": {"jwt": []}}),
            &["invalid_proof", "invalid_credential_request"],
        ),
        (
            json!({"credential_configuration_id": id, "proofs": {"jwt": proof}}),
            &["invalid_proof", "invalid_credential_request"],
        ),
        (
            json!({"credential_configuration_id": id, "proofs": {"jwt": [7]}}),
            &["invalid_proof", "invalid_credential_request"],
        ),
        (
            json!({"credential_configuration_id": id, "proofs": {"jwt": [proof], "di_vp": [{}]}}),
            &["invalid_proof", "invalid_credential_request"],
        ),
        (
            json!({"credential_configuration_id": id, "proofs": {"ldp_vp": [proof]}}),
            &["invalid_proof", "invalid_credential_request"],
        ),
        // N11
        (
            json!({"credential_configuration_id": id, "proofs": {"jwt": [proof, proof]}}),
            &["invalid_proof", "invalid_credential_request"],
        ),
        // Draft 13's form and ours at once.
        (
            json!({"credential_configuration_id": id, "proofs": {"jwt": [proof]}, "proof": {"proof_type": "jwt", "jwt": proof}}),
            &["invalid_proof", "invalid_credential_request"],
        ),
        // N15, N16
        (
            json!({"credential_configuration_id": "unknown", "proofs": {"jwt": [proof]}}),
            &["unknown_credential_configuration"],
        ),
        (
            json!({"credential_identifier": "unknown", "proofs": {"jwt": [proof]}}),
            &["unknown_credential_identifier"],
        ),
        // N17
        (
            json!({"proofs": {"jwt": [proof]}}),
            &["invalid_credential_request"],
        ),
        (
            json!({"credential_configuration_id": id, "credential_identifier": id, "proofs": {"jwt": [proof]}}),
            &["invalid_credential_request"],
        ),
        (
            json!({"credential_configuration_id": 7, "proofs": {"jwt": [proof]}}),
            &["invalid_credential_request"],
        ),
        (json!([]), &["invalid_credential_request"]),
        // N20, as nothing is encrypted here.
        (
            json!({"credential_configuration_id": id, "proofs": {"jwt": [proof]}, "credential_response_encryption": {"jwk": {}, "enc": "A128GCM"}}),
            &["invalid_encryption_parameters"],
        ),
    ] {
        let refused = ready.request(&body).await;
        let error = refused.body["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            errors.contains(&error.as_str()),
            "{body}: {}",
            refused.text()
        );
        refused.expect_oauth_error(400, &error);
    }
    let twice = format!(
        r#"{{"credential_configuration_id":"{id}","credential_configuration_id":"{id}","proofs":{{"jwt":["{proof}"]}}}}"#
    );
    for text in ["", "{", &twice] {
        let request = ready.wallet.http.post(&ready.offer.credential_endpoint);
        let request = request
            .bearer_auth(&ready.token)
            .header("content-type", "application/json");
        let refused = Answer::to(request.body(text.to_owned())).await;
        refused.expect_oauth_error(400, "invalid_credential_request");
    }
    ready.still_works().await;
}

#[tokio::test]
async fn a_known_configuration_that_was_not_offered_is_out_of_the_tokens_scope() {
    let ready = Redeemed::new().await;
    let metadata = ready
        .wallet
        .get(&format!(
            "{}/.well-known/openid-credential-issuer",
            ready.offer.issuer
        ))
        .await
        .expect(200);
    let configurations = metadata.body["credential_configurations_supported"]
        .as_object()
        .unwrap();
    let other = configurations
        .keys()
        .find(|id| !id.starts_with(&ready.offer.configuration_id));
    let mut body = credential_request(&ready.offer, &ready.proof().await);
    body["credential_configuration_id"] = json!(other.expect("several templates are shipped"));
    let refused = ready.request(&body).await;
    assert_eq!(
        (refused.status, refused.str("error")),
        (403, "insufficient_scope")
    );
    assert!(
        refused
            .header("www-authenticate")
            .contains("insufficient_scope")
    );
}

#[tokio::test]
async fn without_a_good_token_there_is_a_challenge() {
    let ready = Redeemed::new().await;
    let body = credential_request(&ready.offer, &ready.proof().await);
    let post = || {
        ready
            .wallet
            .http
            .post(&ready.offer.credential_endpoint)
            .json(&body)
    };

    let none = Answer::to(post()).await.expect(401);
    let challenge = none.header("www-authenticate").to_owned();
    assert!(
        challenge.starts_with("Bearer") && !challenge.contains("error"),
        "{challenge}"
    );

    let other = Redeemed::at(&Cloud::start_ephemeral().await).await;
    let spoilt = format!("{}A", ready.token);
    for token in ["x", &ready.offer.code, &other.token, &spoilt] {
        let refused = Answer::to(post().bearer_auth(token)).await.expect(401);
        let challenge = refused.header("www-authenticate");
        assert!(
            challenge.starts_with("Bearer") && challenge.contains("invalid_token"),
            "{challenge}"
        );
    }
    for authorization in [
        format!("Basic {}", ready.token),
        format!("DPoP {}", ready.token),
        "Bearer".to_owned(),
    ] {
        let refused = Answer::to(post().header("authorization", authorization))
            .await
            .expect(401);
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
    }
    ready.still_works().await;
}

#[tokio::test]
async fn a_token_in_the_query_or_the_body_is_no_token() {
    let ready = Redeemed::new().await;
    let mut body = credential_request(&ready.offer, &ready.proof().await);
    let url = format!(
        "{}?access_token={}",
        ready.offer.credential_endpoint, ready.token
    );
    Answer::to(ready.wallet.http.post(url).json(&body))
        .await
        .expect(401);
    body["access_token"] = json!(ready.token);
    Answer::to(
        ready
            .wallet
            .http
            .post(&ready.offer.credential_endpoint)
            .json(&body),
    )
    .await
    .expect(401);
}

#[tokio::test]
async fn the_scheme_of_the_token_may_be_written_in_any_case() {
    for scheme in ["bearer", "BEARER"] {
        let ready = Redeemed::new().await;
        let body = credential_request(&ready.offer, &ready.proof().await);
        let request = ready
            .wallet
            .http
            .post(&ready.offer.credential_endpoint)
            .json(&body);
        let request = request.header("authorization", format!("{scheme} {}", ready.token));
        Answer::to(request).await.expect(200);
    }
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    let ready = Redeemed::new().await;
    let body = credential_request(&ready.offer, &ready.proof().await).to_string();
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jwt",
    ] {
        let request = ready
            .wallet
            .http
            .post(&ready.offer.credential_endpoint)
            .body(body.clone());
        let request = request
            .bearer_auth(&ready.token)
            .header("content-type", media_type);
        let refused = Answer::to(request).await;
        assert!(
            matches!(refused.status, 400 | 415),
            "{media_type}: {}",
            refused.text()
        );
    }
    ready.still_works().await;
}

#[tokio::test]
async fn unknown_members_are_ignored() {
    let ready = Redeemed::new().await;
    let mut proof = ready.wallet.proof(&ready.offer).await;
    proof.header["something_new"] = json!(1);
    proof.claims["iss"] = json!("did:jwk:wallet");
    proof.claims["something_new"] = json!({"deep": true});
    let mut body = credential_request(&ready.offer, &proof.sign(&ready.wallet.key));
    body["something_new"] = json!([1]);
    ready.request(&body).await.expect(200);
}

#[tokio::test]
async fn a_wallet_whose_answer_was_lost_asks_again_and_gets_the_same_credential() {
    let ready = Redeemed::new().await;
    let index = |answer: &Answer| {
        let credential = answer.body["credentials"][0]["credential"]
            .as_str()
            .unwrap()
            .to_owned();
        credential_claims(&credential)["status"]["status_list"].clone()
    };
    let first = ready.still_works().await;
    let again = ready.still_works().await;
    assert_eq!(
        index(&first),
        index(&again),
        "a status index belongs to one credential"
    );
    assert_eq!(first.header("cache-control"), "no-store");

    let stranger = LocalKey::generate().unwrap();
    let nonce = ready.wallet.nonce(&ready.offer).await;
    let proof = Proof::new(&stranger, &ready.offer.issuer, &nonce).sign(&stranger);
    let refused = ready
        .wallet
        .credential(&ready.offer, &ready.token, &proof)
        .await;
    refused.expect_oauth_error(400, "credential_request_denied");
}

#[tokio::test]
async fn older_wallets_send_a_single_proof() {
    let ready = Redeemed::new().await;
    let proof = ready.proof().await;
    let body = json!({
        "credential_configuration_id": ready.offer.configuration_id,
        "proof": {"proof_type": "jwt", "jwt": proof}
    });
    ready.request(&body).await.expect(200);

    let refused = Redeemed::new().await;
    for proof in [
        json!({"proof_type": "cwt", "jwt": "x"}),
        json!({"proof_type": "jwt"}),
        json!("x"),
    ] {
        let body =
            json!({"credential_configuration_id": refused.offer.configuration_id, "proof": proof});
        let answer = refused.request(&body).await.expect(400);
        assert!(
            ["invalid_proof", "invalid_credential_request"].contains(&answer.str("error")),
            "{proof}"
        );
    }
}

#[tokio::test]
async fn a_wallet_of_draft_13_is_answered_in_its_own_shapes() {
    let started = cloud::shared()
        .backend()
        .start_iban(&unique("draft-13"))
        .await;
    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    // It takes its nonce from the token response and selects by format and type.
    let token = wallet.token(&offer, None).await.expect(200);
    assert!(
        token.body["c_nonce_expires_in"].is_u64(),
        "{}",
        token.text()
    );
    let metadata = format!("{}/.well-known/openid-credential-issuer", offer.issuer);
    let metadata = wallet.get(&metadata).await.expect(200);
    let vct = &metadata.body["credential_configurations_supported"][&offer.configuration_id]["vct"];
    let proof = Proof::new(&wallet.key, &offer.issuer, token.str("c_nonce")).sign(&wallet.key);
    let ask = async |format: &str, proof: &str| {
        let proof = json!({"proof_type": "jwt", "jwt": proof});
        let body = json!({"format": format, "vct": vct, "proof": proof});
        wallet
            .credential_request(&offer, token.str("access_token"), &body)
            .await
    };

    let refused = ask("ldp_vc", &proof).await;
    refused.expect_oauth_error(400, "unsupported_credential_format");
    let stale = Proof::new(&wallet.key, &offer.issuer, "stale").sign(&wallet.key);
    let refused = ask("vc+sd-jwt", &stale).await;
    refused.expect_oauth_error(400, "invalid_proof");
    assert!(
        refused.body["c_nonce"].is_string(),
        "draft 13 §7.3.2: {}",
        refused.text()
    );
    let issued = ask("vc+sd-jwt", &proof).await.expect(200);
    assert!(issued.str("credential").contains('~'), "{}", issued.text());
}
