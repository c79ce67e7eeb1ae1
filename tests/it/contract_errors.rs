//! Every error of the issue contract: the right status, always a problem, never a claim value.

use std::time::Duration;

use bestow_functions::Function;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{iban, iban_claims, unique};
use crate::cloud;

#[tokio::test]
async fn each_malformed_field_is_named_by_its_pointer() {
    let backend = cloud::shared().backend();
    let long = "x".repeat(257);
    let many = "x".repeat(2049);
    for (pointer, value) in [
        ("/correlation_id", json!(7)),
        ("/correlation_id", json!(long)),
        ("/correlation_id", json!("a\u{7}b")),
        ("/correlation_id", json!("..")),
        ("/template_id", json!(null)),
        ("/template_id", json!(["issue_iban"])),
        ("/claims", json!(null)),
        ("/claims", json!("iban")),
        ("/claims", json!([])),
        ("/request_uri_base", json!(1)),
        ("/request_uri_base", json!("not a url")),
        ("/request_uri_base", json!("javascript:alert(1)")),
        ("/request_uri_base", json!("data:text/html,hello")),
        ("/request_uri_base", json!("JAVASCRIPT:alert(1)")),
        (
            "/request_uri_base",
            json!(format!("https://wallet.example/{many}")),
        ),
        ("/qr_code", json!("yes")),
        ("/qr_code/size", json!("large")),
        ("/qr_code/size", json!(100_000_000)),
        ("/qr_code/padding", json!(-1)),
        ("/qr_code/color_dark", json!("black-ish")),
        ("/qr_code/color_dark", json!("#ffffff")),
        (
            "/qr_code/logo_uri",
            json!("https://169.254.169.254/logo.png"),
        ),
        ("/qr_code/logo_uri", json!("http://logo.example/logo.png")),
        (
            "/qr_code/logo_uri",
            json!("http://127.0.0.1:1/nobody-is-there"),
        ),
        ("/qr_code/logo_uri", json!("data:image/png;base64,AAAA")),
        (
            "/qr_code/logo_uri",
            json!("data:image/svg+xml;base64,PHN2Zy8+"),
        ),
        ("/callback", json!("https://backend.example")),
        ("/callback/url", json!("ftp://backend.example")),
        ("/callback/url", json!("http://backend.example/hook")),
        ("/callback/url", json!("https://10.0.0.1/hook")),
        ("/callback/url", json!("https://169.254.169.254/latest/")),
        ("/callback/url", json!("https://0x7f.0.0.2/")),
        ("/callback/url", json!("https://[::ffff:127.0.0.1]/")),
        ("/callback/url", json!("https://me:secret@backend.example/")),
        ("/callback/url", json!("https://backend.example:25/")),
        ("/callback/status", json!(3)),
        ("/tx_code", json!(true)),
        ("/tx_code/length", json!(0)),
        ("/tx_code/length", json!(1000)),
        ("/tx_code/input_mode", json!("emoji")),
    ] {
        let id = unique("malformed");
        let mut body = iban(&id);
        if pointer.starts_with("/callback/") {
            body["callback"] = json!({"url": "https://backend.example/hook"});
        }
        set(&mut body, pointer, value.clone());
        let refused = backend.start(&body).await;
        let detail = refused.expect_problem(400);
        assert!(!detail.is_empty());
        let faults = refused.body["errors"]
            .as_array()
            .unwrap_or_else(|| panic!("{pointer}: {refused:?}"));
        assert!(
            faults.iter().any(|fault| fault["pointer"] == pointer),
            "{pointer} {value}: {faults:?}"
        );
        assert!(
            faults
                .iter()
                .all(|fault| fault["reason"].as_str().is_some_and(|r| !r.is_empty()))
        );
        backend.status(&id).await.expect_problem(404);
    }
}

#[tokio::test]
async fn all_faults_of_a_body_are_told_at_once() {
    let backend = cloud::shared().backend();
    let refused = backend
        .start(&json!({"claims": 1, "qr_code": {"size": "x"}}))
        .await;
    refused.expect_problem(400);
    let pointers: Vec<_> = refused.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["pointer"].clone())
        .collect();
    for pointer in ["/template_id", "/claims", "/qr_code/size"] {
        assert!(pointers.contains(&json!(pointer)), "{pointers:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_malformed() {
    let backend = cloud::shared().backend();
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"text\"",
        "{\"template_id\": }",
        "\u{0}",
    ] {
        let request = backend.request("POST", "/api/v2/credential/issue");
        let request = request
            .header("content-type", "application/json")
            .body(body);
        Answer::to(request).await.expect_problem(400);
    }
}

#[tokio::test]
async fn without_a_known_key_nothing_is_answered() {
    let backend = cloud::shared().backend();
    let id = unique("keys");
    let started = backend.start_iban(&id).await;
    let uuid = backend.revocation_uuid(&id).await;
    assert_eq!(started.status, 201);

    for (method, path) in [
        ("POST", "/api/v2/credential/issue".to_owned()),
        ("GET", format!("/api/v2/issue/{id}")),
        ("GET", format!("/api/v2/credential/issue/{id}")),
        ("GET", "/api/v2/issue/unknown".to_owned()),
        ("PUT", format!("/api/v2/credential/status/{uuid}")),
        ("GET", format!("/api/v2/credential/status/{uuid}")),
    ] {
        let url = format!("{}{path}", backend.base_url);
        let request = || {
            backend
                .http
                .request(method.parse().unwrap(), &url)
                .json(&iban(&id))
        };
        let requests = [
            request(),
            request().header("x-api-key", ""),
            request().header("x-api-key", "wrong"),
            request().header("x-api-key", format!("{} ", "x".repeat(9000))),
            request().bearer_auth("wrong"),
        ];
        for refused in join_all(requests.map(Answer::to)).await {
            assert!(
                matches!(refused.status, 401 | 431),
                "{method} {path}: {refused:?}"
            );
            if refused.status == 401 {
                refused.expect_problem(401);
                assert_ne!(refused.header("www-authenticate"), "", "RFC 9110 §15.5.2");
            }
        }
    }
}

/// API Gateway may refuse such a path itself; the function does not rely on it.
#[tokio::test]
async fn a_path_that_is_no_text_names_nothing() {
    let (bundled, external) = (cloud::shared(), cloud::shared_external());
    let callback = "/api/v2/wallet-callbacks/%FF";
    for (cloud, function, method, path) in [
        (bundled, "wallet", "GET", "/wallet/offers/%FF"),
        (bundled, "wallet", "GET", "/wallet/status-lists/%FF"),
        (external, "wallet-callback", "POST", callback),
    ] {
        let variables = cloud.running.function_environment(function);
        let variables = variables.expect("its own");
        let env = variables.clone().into_iter().collect();
        let started = Function::named(function).expect("it is there");
        let started = started.start(&env, Duration::ZERO).await;
        let request = json!({
            "version": "2.0",
            "rawPath": path,
            "headers": {"host": "localhost"},
            "requestContext": {"http": {"method": method, "path": path}},
        });
        let answer = started.expect("it starts")(request)
            .await
            .expect("an answer");
        assert_eq!(answer["statusCode"], 404, "{path}: {answer}");
        let content_type = &answer["headers"]["content-type"];
        assert_eq!(content_type, "application/problem+json");
    }
}

#[tokio::test]
async fn what_is_not_known_is_not_found() {
    let backend = cloud::shared().backend();
    let uuid = "0e2c1f62-3392-462e-a25e-483fa0e2a3a3";
    for (method, path) in [
        ("GET", "/api/v2/issue/never-started".to_owned()),
        ("GET", "/api/v2/credential/issue/never-started".to_owned()),
        ("GET", format!("/api/v2/credential/status/{uuid}")),
        ("PUT", format!("/api/v2/credential/status/{uuid}")),
    ] {
        let mut request = backend.request(method, &path);
        if method == "PUT" {
            request = request.json(&json!({"status": "revoked"}));
        }
        let refused = Answer::to(request).await;
        assert_eq!(refused.status, 404, "{method} {path}: {}", refused.text());
        refused.expect_problem(404);
    }
    let path = "/api/v2/credential/status/not-a-uuid";
    Answer::to(backend.request("GET", path))
        .await
        .expect_problem(400);
    let mut body = iban(&unique("template"));
    body["template_id"] = json!("no_such_template");
    backend.start(&body).await.expect_problem(404);
}

#[tokio::test]
async fn what_no_route_serves_is_not_found_as_behind_api_gateway() {
    let backend = cloud::shared().backend();
    for (method, path) in [
        ("POST", "/"),
        ("GET", "/api/v2/nowhere"),
        ("GET", "/api/v1/issue/x"),
        ("GET", "/api/v2/credential/issue"),
        ("PUT", "/api/v2/credential/issue"),
        ("POST", "/api/v2/issue/x"),
        ("DELETE", "/api/v2/credential/issue/x"),
        ("POST", "/openapi.json"),
    ] {
        let refused = Answer::to(backend.request(method, path).json(&json!({}))).await;
        assert_eq!(refused.status, 404, "{method} {path}: {}", refused.text());
        assert_eq!(refused.media_type(), "application/json");
        assert!(refused.body["message"].is_string());
    }
}

#[tokio::test]
async fn a_wrong_method_at_a_wallets_endpoint_is_refused_with_what_would_be_right() {
    let backend = cloud::shared().backend();
    for (method, path, allowed) in [
        ("GET", "/wallet/token", "POST"),
        ("PUT", "/wallet/credential", "POST"),
        ("GET", "/wallet/nonce", "POST"),
        ("DELETE", "/wallet/notification", "POST"),
        ("POST", "/.well-known/openid-credential-issuer", "GET"),
        ("PATCH", "/wallet/jwks", "GET"),
    ] {
        let refused = Answer::to(backend.request(method, path).json(&json!({}))).await;
        refused.expect_problem(405);
        assert!(
            refused.header("allow").contains(allowed),
            "{method} {path}: RFC 9110 §15.5.6"
        );
    }
}

#[tokio::test]
async fn too_large_a_body_is_refused() {
    let backend = cloud::shared().backend();
    let mut body = iban(&unique("large"));
    body["claims"]["companyname"] = json!("x".repeat(300 << 10));
    backend.start(&body).await.expect_problem(413);
}

#[tokio::test]
async fn a_body_that_says_it_is_no_json_is_refused() {
    let backend = cloud::shared().backend();
    let uuid = "0e2c1f62-3392-462e-a25e-483fa0e2a3a3";
    for (method, path) in [
        ("POST", "/api/v2/credential/issue".to_owned()),
        ("PUT", format!("/api/v2/credential/status/{uuid}")),
    ] {
        for media_type in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jso",
        ] {
            let request = backend
                .request(method, &path)
                .header("content-type", media_type);
            Answer::to(request.body(iban("x").to_string()))
                .await
                .expect_problem(415);
        }
    }
    let request = backend.request("POST", "/api/v2/credential/issue");
    let request = request.header("content-type", "Application/JSON; charset=utf-8");
    let id = unique("charset");
    Answer::to(request.body(iban(&id).to_string()))
        .await
        .expect(201);
}

#[tokio::test]
async fn each_rejected_claim_is_named_and_no_value_is_echoed() {
    let backend = cloud::shared().backend();
    let planted = "PLANTED-VALUE-4711";
    let mut claims = iban_claims();
    claims["iban"] = json!(planted);
    claims["currency"] = json!({"nested": planted});
    claims.as_object_mut().unwrap().remove("companyname");

    let mut body = iban(&unique("claims"));
    body["claims"] = claims;
    let refused = backend.start(&body).await;
    refused.expect_problem(422);
    assert!(!refused.text().contains(planted), "{}", refused.text());
    let faults = refused.body["errors"].as_array().unwrap();
    for pointer in ["/claims/iban", "/claims/currency", "/claims/companyname"] {
        let is_there = faults.iter().any(|fault| fault["pointer"] == pointer);
        assert!(is_there, "{pointer}: {faults:?}");
    }
}

#[tokio::test]
async fn a_refused_start_leaves_its_correlation_id_free() {
    let backend = cloud::shared().backend();
    let id = unique("freed");
    let mut body = iban(&id);
    body["claims"]["iban"] = json!("wrong");
    backend.start(&body).await.expect_problem(422);
    backend.status(&id).await.expect_problem(404);
    backend.start_iban(&id).await;
}

#[tokio::test]
async fn a_malformed_status_change_is_refused() {
    let backend = cloud::shared().backend();
    let id = unique("status-change");
    backend.start_iban(&id).await;
    let uuid = backend.revocation_uuid(&id).await;
    let path = format!("/api/v2/credential/status/{uuid}");
    for (body, pointer) in [
        (json!({}), "/status"),
        (json!({"status": "deleted"}), "/status"),
        (json!({"status": 1}), "/status"),
        (
            json!({"status": "revoked", "reason": "x".repeat(501)}),
            "/reason",
        ),
    ] {
        let refused = Answer::to(backend.request("PUT", &path).json(&body)).await;
        refused.expect_problem(400);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer);
    }
    assert_eq!(
        backend
            .credential_status(&uuid)
            .await
            .expect(200)
            .str("status"),
        "valid"
    );
}

/// Sets the member at a JSON pointer of one or two steps, making its parent if needed.
fn set(body: &mut Value, pointer: &str, value: Value) {
    let mut steps = pointer.split('/').skip(1);
    let first = steps.next().expect("a step");
    match steps.next() {
        None => body[first] = value,
        Some(second) => body[first][second] = value,
    }
}
