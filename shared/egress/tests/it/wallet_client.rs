//! Start issue and Get issue status.

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Redirect;
use axum::routing::{any, get, post};
use bestow_contract::{CorrelationId, StartIssue, Status};
use bestow_issuance::ports::{IssuingWallet, ReportingWallet, TransientKind, WalletError};
use serde_json::json;
use url::Url;

use crate::wallet::{always, id, kind_of, record, request, serve, with_key};

#[tokio::test]
async fn a_request_is_what_the_contract_says() {
    let app = Router::new().route(
        "/wallet/api/v2/credential/issue",
        post(async |headers: HeaderMap, body: String| {
            assert_eq!(headers["x-api-key"], "the key");
            assert_eq!(headers["content-type"], "application/json");
            let sent: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(sent["claims"]["a"]["b"], 1);
            let answer = json!({
                "correlation_id": sent["correlation_id"],
                "request_uri": "openid-credential-offer://?credential_offer_uri=x",
                "status_uri": "https://wallet.example/status",
            });
            (StatusCode::CREATED, answer.to_string())
        }),
    );
    let answer = with_key(serve(app).await)
        .start_issue(&record(&id()), &request())
        .await
        .unwrap();
    assert_eq!(answer.correlation_id, id());
    assert_eq!(
        answer.request_uri,
        "openid-credential-offer://?credential_offer_uri=x"
    );
}

#[tokio::test]
async fn a_plain_correlation_id_is_percent_encoded_in_a_path() {
    let app = Router::new().fallback(any(async |request: Request| {
        assert_eq!(
            request.uri().path(),
            "/wallet/api/v2/issue/order%207%20%C3%A9"
        );
        json!({"status": "issue_completed", "correlation_id": id()}).to_string()
    }));
    let report = with_key(serve(app).await)
        .issue_status(&record(&id()))
        .await
        .unwrap();
    let Some(status) = report else {
        panic!("{report:?}")
    };
    assert_eq!(status.status, Status::IssueCompleted);
}

/// What the wallet is told of these ids must survive a gateway that decodes paths: the client is held
/// to letters, digits and `-`.
#[tokio::test]
async fn an_id_that_paths_may_garble_is_told_as_another_and_comes_back_as_it_was() {
    let told = |id: &str| id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let start = post(async move |body: String| {
        let sent: serde_json::Value = serde_json::from_str(&body).unwrap();
        let id = sent["correlation_id"].as_str().unwrap();
        assert!(told(id), "{id}");
        json!({"correlation_id": id, "request_uri": "openid-credential-offer://?x"}).to_string()
    });
    let status = get(async move |Path(id): Path<String>| {
        assert!(told(&id), "{id}");
        json!({"status": "issue_completed", "correlation_id": id}).to_string()
    });
    let app = Router::new()
        .route("/wallet/api/v2/credential/issue", start)
        .route("/wallet/api/v2/issue/{id}", status);
    let wallet = with_key(serve(app).await);
    for text in ["a/b?c#d%25 e", "~x", " x", "..\\..", "a+b"] {
        let id: CorrelationId = text.parse().unwrap();
        let request = StartIssue {
            correlation_id: Some(id.clone()),
            ..request()
        };
        let answer = wallet.start_issue(&record(&id), &request).await.unwrap();
        assert_eq!(answer.correlation_id, id);
        let Some(status) = wallet.issue_status(&record(&id)).await.unwrap() else {
            panic!("{text}")
        };
        assert_eq!(status.correlation_id, id);
    }
}

#[tokio::test]
async fn an_issuance_that_the_wallet_does_not_know_is_unknown() {
    let problem = json!({"status": 404, "detail": "no such issuance"}).to_string();
    let wallet = always(move || (StatusCode::NOT_FOUND, problem.clone())).await;
    assert_eq!(wallet.issue_status(&record(&id())).await.unwrap(), None);
}

/// Such answers come from gateways and proxies, while a wallet is moved or its address is wrong.
#[tokio::test]
async fn a_refusal_without_a_problem_is_not_the_wallets() {
    for status in [400, 404, 405, 409, 410, 422] {
        let status = StatusCode::from_u16(status).unwrap();
        for body in [
            "",
            "<html>a claim</html>",
            "[]",
            "\"a claim\"",
            r#"{"message": "Not Found"}"#,
            r#"{"title": null, "detail": ["a claim"]}"#,
        ] {
            let wallet = always(move || (status, body)).await;
            let faulty = (TransientKind::Faulty, None);
            assert_eq!(
                kind_of(wallet.issue_status(&record(&id())).await),
                faulty,
                "{status} {body}"
            );
            assert_eq!(
                kind_of(wallet.start_issue(&record(&id()), &request()).await),
                faulty,
                "{status} {body}"
            );
        }
    }
}

#[tokio::test]
async fn a_link_that_no_wallet_has_is_a_fault_of_the_wallet() {
    for (link, taken) in [
        ("openid-credential-offer://?credential_offer_uri=x", true),
        ("https://w.example/?credential_offer_uri=x", true),
        ("javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("/offers/1", false),
    ] {
        let answer = json!({"correlation_id": id(), "request_uri": link}).to_string();
        let wallet = always(move || (StatusCode::CREATED, answer.clone())).await;
        let answer = wallet.start_issue(&record(&id()), &request()).await;
        if taken {
            assert_eq!(answer.unwrap().request_uri, link);
        } else {
            assert_eq!(kind_of(answer), (TransientKind::Faulty, None), "{link}");
        }
    }
}

#[tokio::test]
async fn a_refusal_carries_the_wallets_problem() {
    let wallet = always(|| {
        let body = json!({"detail": "no IBAN", "errors": [{"pointer": "/claims/iban", "reason": "is missing"}]});
        (StatusCode::UNPROCESSABLE_ENTITY, body.to_string())
    })
    .await;
    let Err(WalletError::Refused(problem)) = wallet.start_issue(&record(&id()), &request()).await
    else {
        panic!()
    };
    assert_eq!((problem.status, problem.detail.as_str()), (422, "no IBAN"));
    assert_eq!(problem.errors[0].pointer, "/claims/iban");
}

#[tokio::test]
async fn a_problem_is_known_by_its_media_type_or_by_what_is_in_it() {
    let refused = StatusCode::CONFLICT;
    for (media_type, body) in [
        ("application/json", r#"{"detail": "it says no"}"#),
        ("text/plain", r#"{"title": "it says no"}"#),
        ("application/problem+json", r#"{"message": "it says no"}"#),
        (
            "Application/Problem+JSON; charset=utf-8",
            r#"{"message": "it says no"}"#,
        ),
    ] {
        let wallet = always(move || (refused, [(header::CONTENT_TYPE, media_type)], body)).await;
        let Err(WalletError::Refused(problem)) =
            wallet.start_issue(&record(&id()), &request()).await
        else {
            panic!("{media_type} {body}")
        };
        assert_eq!((problem.status, &*problem.detail), (409, "it says no"));
    }
}

#[tokio::test]
async fn failures_that_may_pass_are_told_apart() {
    for (status, kind) in [
        (401, TransientKind::CredentialsRejected),
        (403, TransientKind::CredentialsRejected),
        (429, TransientKind::Busy),
        (500, TransientKind::Faulty),
        (502, TransientKind::Faulty),
        (503, TransientKind::Unavailable),
        (504, TransientKind::TimedOut),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let wallet = always(move || (status, [(header::RETRY_AFTER, "17")], "a claim")).await;
        assert_eq!(
            kind_of(wallet.issue_status(&record(&id())).await),
            (kind, Some(17)),
            "{status}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_not_the_contracts_are_faults_of_the_wallet() {
    let answers: [(&str, String); 7] = [
        ("garbage", "a claim".to_owned()),
        ("nothing", String::new()),
        ("truncated", r#"{"status": "a claim"#.to_owned()),
        (
            "a wrong type",
            r#"{"status": "x", "correlation_id": ["a claim"]}"#.to_owned(),
        ),
        (
            "a wrong uuid",
            json!({"status": "x", "correlation_id": id(), "revocation_uuid": "a claim"})
                .to_string(),
        ),
        (
            "another issuance",
            json!({"status": "issue_completed", "correlation_id": "x"}).to_string(),
        ),
        ("10 MB", "x".repeat(10 * 1024 * 1024)),
    ];
    for (name, body) in answers {
        let wallet = always(move || body.clone()).await;
        let found = kind_of(wallet.issue_status(&record(&id())).await);
        assert_eq!(found, (TransientKind::Faulty, None), "{name}");
        assert_eq!(
            kind_of(wallet.start_issue(&record(&id()), &request()).await).0,
            TransientKind::Faulty,
            "{name}"
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let wallet = always(|| Redirect::temporary("http://127.0.0.1:1/")).await;
    assert_eq!(
        kind_of(wallet.issue_status(&record(&id())).await),
        (TransientKind::Faulty, None)
    );
}

#[tokio::test]
async fn a_slow_wallet_times_out() {
    let slow = Router::new().fallback(any(async || -> StatusCode { std::future::pending().await }));
    let wallet = with_key(serve(slow).await);
    assert_eq!(
        kind_of(wallet.issue_status(&record(&id())).await),
        (TransientKind::TimedOut, None)
    );
}

#[tokio::test]
async fn a_wallet_that_is_not_there_is_unreachable() {
    // A port that no system gives to whoever wants any.
    let wallet = with_key(Url::parse("http://127.0.0.1:1").unwrap());
    assert_eq!(
        kind_of(wallet.issue_status(&record(&id())).await),
        (TransientKind::Unreachable, None)
    );
}
