//! Wallets and verifiers that no one here wrote.

use serde_json::json;

use crate::backend::{badge, company, iban, iban_claims, unique};
use crate::cloud;
use crate::node;
use crate::status_list::{INVALID, SUSPENDED, VALID};

const OPENID4VCI: &str = "openid4vci-wallet.mjs";
const SPHEREON: &str = "sphereon-wallet.mjs";

#[tokio::test]
async fn openid4vc_ts_takes_the_sample_credential() {
    takes_the_sample_credential(OPENID4VCI, "jwk").await;
}

#[tokio::test]
async fn openid4vc_ts_takes_it_with_a_did_as_its_key() {
    takes_the_sample_credential(OPENID4VCI, "did").await;
}

#[tokio::test]
async fn sphereon_takes_the_sample_credential() {
    takes_the_sample_credential(SPHEREON, "jwk").await;
}

#[tokio::test]
async fn sphereon_takes_it_with_a_did_as_its_key() {
    takes_the_sample_credential(SPHEREON, "did").await;
}

/// Both flows of the mission differ only in the link: the wallet gets the web wallet's form of it.
async fn takes_the_sample_credential(script: &str, binding: &str) {
    let backend = cloud::shared().backend();
    let id = unique(script);
    let mut body = iban(&id);
    body["request_uri_base"] = json!("https://customerwallet.com");
    let started = backend.start(&body).await.expect(201);

    let taken = node::take(script, started.str("request_uri"), &["--binding", binding]).await;
    backend.until_status(&id, "issue_completed").await;

    let verified = node::verify(taken["credential"].as_str().unwrap()).await;
    let claims = verified["claims"].as_object().unwrap();
    for (name, value) in iban_claims().as_object().unwrap() {
        assert_eq!(claims.get(name), Some(value), "{name}");
    }
    let bound = &verified["claims"]["cnf"]["jwk"];
    for coordinate in ["x", "y"] {
        assert_eq!(
            bound[coordinate], taken["holder_jwk"][coordinate],
            "the credential is the holder's"
        );
    }
    assert_eq!(verified["status"]["value"], VALID);
}

#[tokio::test]
async fn openid4vc_ts_reports_that_it_kept_the_credential() {
    let backend = cloud::shared().backend();
    let id = unique("accepted");
    let started = backend.start_iban(&id).await;
    let taken = node::take(OPENID4VCI, started.str("request_uri"), &[]).await;
    assert_eq!(
        (&taken["notified"], &taken["draft"]),
        (&json!(true), &json!("V1"))
    );
    let accepted = backend.until_stage(&id, "accepted").await;
    assert_eq!(accepted["status"], "issue_completed");
}

#[tokio::test]
async fn both_wallets_ask_for_the_transaction_code() {
    let backend = cloud::shared().backend();
    for script in [OPENID4VCI, SPHEREON] {
        let id = unique("tx-code");
        let mut body = iban(&id);
        body["tx_code"] = json!({"length": 6, "description": "Your bank has sent you a code"});
        let started = backend.start(&body).await.expect(201);
        let (offer, code) = (started.str("request_uri"), started.str("tx_code"));

        let wrong = if code == "000000" { "000001" } else { "000000" };
        let refused = node::run(script, &[offer, "--tx-code", wrong]).await;
        assert!(refused["error"].is_string(), "{script}: {refused}");
        node::take(script, offer, &["--tx-code", code]).await;
        backend.until_status(&id, "issue_completed").await;
    }
}

#[tokio::test]
async fn a_verifier_sees_suspension_reinstatement_and_revocation() {
    let backend = cloud::shared().backend();
    let id = unique("seen");
    let started = backend.start_iban(&id).await;
    let taken = node::take(OPENID4VCI, started.str("request_uri"), &[]).await;
    let credential = taken["credential"].as_str().unwrap();
    let uuid = backend.revocation_uuid(&id).await;

    for (status, number) in [
        ("suspended", SUSPENDED),
        ("valid", VALID),
        ("revoked", INVALID),
    ] {
        backend
            .set_credential_status(&uuid, status)
            .await
            .expect(200);
        let seen = &node::verify(credential).await["status"];
        assert_eq!(seen["value"], number, "{status}");
        assert_eq!(seen["header"]["typ"], "statuslist+jwt");
        assert_eq!(seen["payload"]["sub"], seen["uri"]);
    }
}

#[tokio::test]
async fn every_template_yields_a_credential_that_verifies() {
    let backend = cloud::shared().backend();
    for start in [badge, company] {
        let body = start(&unique("template"));
        let started = backend.start(&body).await.expect(201);
        let taken = node::take(OPENID4VCI, started.str("request_uri"), &[]).await;
        let verified = node::verify(taken["credential"].as_str().unwrap()).await;
        for (name, value) in body["claims"].as_object().unwrap() {
            assert_eq!(
                &verified["claims"][name], value,
                "{}: {name}",
                body["template_id"]
            );
        }
        let revocable = body["template_id"] != "employee_badge";
        assert_eq!(
            verified["status"].is_object(),
            revocable,
            "{}",
            body["template_id"]
        );
    }
}
