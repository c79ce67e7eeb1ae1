//! What public clients of the contract do (`2-contract.md`, compatibility list), and the forms of `request_uri`.

use serde_json::json;

use crate::answer::Answer;
use crate::backend::{company, iban, iban_claims, unique};
use crate::cloud;
use crate::wallet_client::{WalletClient, offer_uri};

#[tokio::test]
async fn the_wordpress_plugin_issues() {
    let backend = cloud::shared().backend();
    let body = json!({
        "template_id": "issue_iban",
        "claims": iban_claims(),
        "request_uri_base": "https://customerwallet.com",
        "qr_code": {"size": "400", "padding": "16", "logo_size": "20",
                    "color_dark": "#000000", "color_light": "#ffffff", "logo_uri": "", "marker_color": ""},
    });
    let started = backend.start(&body).await.expect(201);
    assert_ne!(started.str("correlation_id"), "");
    assert!(
        started
            .str("request_uri")
            .starts_with("https://customerwallet.com/?")
    );
    assert!(started.str("qr_uri").starts_with("data:image/png;base64,"));

    // It fetches status_uri as it stands, with the same header.
    let status_uri = started.str("status_uri");
    assert!(status_uri.starts_with(&backend.base_url), "{status_uri}");
    let status = backend
        .http
        .get(status_uri)
        .header("x-api-key", &backend.api_key);
    let status = Answer::to(status).await.expect(200);
    assert_eq!(status.str("status"), "issue_request_created");
    assert_eq!(status.str("correlation_id"), started.str("correlation_id"));
}

#[tokio::test]
async fn the_powershell_client_issues() {
    let backend = cloud::shared().backend();
    for status in [
        json!("issue_completed,error"),
        json!("issue_completed"),
        json!(["issue_completed", "error"]),
        json!("something_new, issue_completed"),
        json!([]),
        json!(""),
    ] {
        let mut body = iban("");
        body["callback"] = json!({"url": "https://backend.example/hook", "status": status});
        let started = backend.start(&body).await.expect(201);
        let id = started.str("correlation_id");
        assert_eq!(id.len(), 36, "an empty correlation id becomes a UUID: {id}");
        backend.status(id).await.expect(200);
    }
}

#[tokio::test]
async fn the_javascript_client_reads_the_status_at_its_own_path() {
    let backend = cloud::shared().backend();
    let id = unique("javascript");
    backend.start_iban(&id).await;
    let path = format!("/api/v2/credential/issue/{id}");
    let there = Answer::to(backend.request("GET", &path)).await.expect(200);
    assert_eq!(there.body, backend.status(&id).await.expect(200).body);
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let backend = cloud::shared().backend();
    let mut body = iban(&unique("unknown"));
    body["something_new"] = json!({"deep": [1, 2, 3]});
    body["qr_code"] = json!({"shape": "round"});
    backend.start(&body).await.expect(201);
}

#[tokio::test]
async fn nested_claims_are_taken_and_their_faults_found() {
    let backend = cloud::shared().backend();
    let mut body = company(&unique("nested"));
    backend.start(&body).await.expect(201);
    body["correlation_id"] = json!(unique("nested"));
    body["claims"]["representatives"][1]["authority"] = json!("none");
    let refused = backend.start(&body).await;
    refused.expect_problem(422);
    assert_eq!(
        refused.body["errors"][0]["pointer"],
        "/claims/representatives/1/authority"
    );
}

#[tokio::test]
async fn any_printable_correlation_id_works_in_every_place() {
    let backend = cloud::shared().backend();
    for odd in [
        "a b",
        "a/b",
        "ü-ß-漢",
        "50%25",
        "a?b#c&d=e",
        "a+b",
        "x%2Fy",
        "{correlation_id}",
        "'\"<>",
    ] {
        let id = unique(odd);
        let started = backend.start_iban(&id).await;
        assert_eq!(started.str("correlation_id"), id);
        let status = backend
            .http
            .get(started.str("status_uri"))
            .header("x-api-key", &backend.api_key);
        assert_eq!(
            Answer::to(status).await.expect(200).str("correlation_id"),
            id
        );
        WalletClient::new().take(started.str("request_uri")).await;
        let path = started
            .str("status_uri")
            .strip_prefix(&backend.base_url)
            .unwrap()
            .to_owned();
        let encoded = path.strip_prefix("/api/v2/issue/").unwrap();
        backend.until_status(encoded, "issue_completed").await;
    }
}

#[tokio::test]
async fn request_uri_keeps_what_the_base_already_has() {
    let backend = cloud::shared().backend();
    for (base, start) in [
        (
            "https://customerwallet.com",
            "https://customerwallet.com/?credential_offer_uri=",
        ),
        (
            "https://customerwallet.com/",
            "https://customerwallet.com/?credential_offer_uri=",
        ),
        (
            "https://customerwallet.com/open",
            "https://customerwallet.com/open?credential_offer_uri=",
        ),
        (
            "https://w.example/a?lang=nl",
            "https://w.example/a?lang=nl&credential_offer_uri=",
        ),
        (
            "http://127.0.0.1:8080/w",
            "http://127.0.0.1:8080/w?credential_offer_uri=",
        ),
        ("haip-vci://", "haip-vci://?credential_offer_uri="),
        ("mywallet://offer", "mywallet://offer"),
    ] {
        let mut body = iban(&unique("base"));
        body["request_uri_base"] = json!(base);
        let started = backend.start(&body).await.expect(201);
        let uri = started.str("request_uri");
        assert!(uri.starts_with(start), "{base}: {uri}");
        let offer = offer_uri(uri);
        assert!(offer.starts_with(&backend.base_url), "{offer}");
        Answer::to(backend.http.get(offer)).await.expect(200);
    }
}
