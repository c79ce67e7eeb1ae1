//! The wallet client against wallets that behave, and wallets that do not.
#![cfg(test)]

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use contract::{CorrelationId, StartIssue, Status};
use egress::{Limits, WalletClient, WalletConfig, WalletCredentials};
use issuance::ports::{IssueReport, TransientKind, Wallet, WalletFailure};
use secrecy::SecretString;
use serde_json::json;
use url::Url;

const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(2),
    total_timeout: Duration::from_millis(500),
    body_bytes: 64 * 1024,
};

/// Serves `app` on a free port, and where that is.
async fn serve(app: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    Url::parse(&format!("http://{address}/wallet")).unwrap()
}

fn with_key(base_url: Url) -> WalletClient {
    let credentials = WalletCredentials::ApiKey(SecretString::from("the key"));
    WalletClient::new(
        WalletConfig {
            base_url,
            credentials,
        },
        LIMITS,
    )
    .unwrap()
}

fn id() -> CorrelationId {
    "order 7 é".parse().unwrap()
}

fn request() -> StartIssue {
    let body =
        json!({"correlation_id": id(), "template_id": "issue_iban", "claims": {"a": {"b": 1}}});
    StartIssue::from_json(body.to_string().as_bytes()).unwrap()
}

/// A wallet that answers every request with what `answer` makes.
async fn always<R: IntoResponse + Send + 'static>(
    answer: impl Fn() -> R + Clone + Send + Sync + 'static,
) -> WalletClient {
    let app = Router::new().fallback(any(move || {
        let answer = answer();
        async move { answer }
    }));
    with_key(serve(app).await)
}

fn kind_of<T: std::fmt::Debug>(result: Result<T, WalletFailure>) -> (TransientKind, Option<u32>) {
    match result.unwrap_err() {
        WalletFailure::Transient(failure) => {
            assert!(!failure.reason.contains("a claim"), "{}", failure.reason);
            (failure.kind, failure.retry_after_seconds)
        }
        refused => panic!("{refused:?}"),
    }
}

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
        .start_issue(&request())
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
        .issue_status(&id())
        .await
        .unwrap();
    let IssueReport::Known(status) = report else {
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
        let answer = wallet.start_issue(&request).await.unwrap();
        assert_eq!(answer.correlation_id, id);
        let IssueReport::Known(status) = wallet.issue_status(&id).await.unwrap() else {
            panic!("{text}")
        };
        assert_eq!(status.correlation_id, id);
    }
}

#[tokio::test]
async fn an_issuance_that_the_wallet_does_not_know_is_unknown() {
    let wallet = always(|| StatusCode::NOT_FOUND).await;
    assert_eq!(
        wallet.issue_status(&id()).await.unwrap(),
        IssueReport::Unknown
    );
}

#[tokio::test]
async fn a_refusal_carries_the_wallets_problem() {
    let wallet = always(|| {
        let body = json!({"detail": "no IBAN", "errors": [{"pointer": "/claims/iban", "reason": "is missing"}]});
        (StatusCode::UNPROCESSABLE_ENTITY, body.to_string())
    })
    .await;
    let Err(WalletFailure::Refused(problem)) = wallet.start_issue(&request()).await else {
        panic!()
    };
    assert_eq!((problem.status, problem.detail.as_str()), (422, "no IBAN"));
    assert_eq!(problem.errors[0].pointer, "/claims/iban");
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
            kind_of(wallet.issue_status(&id()).await),
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
        let found = kind_of(wallet.issue_status(&id()).await);
        assert_eq!(found, (TransientKind::Faulty, None), "{name}");
        assert_eq!(
            kind_of(wallet.start_issue(&request()).await).0,
            TransientKind::Faulty,
            "{name}"
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let wallet = always(|| Redirect::temporary("http://127.0.0.1:1/")).await;
    assert_eq!(
        kind_of(wallet.issue_status(&id()).await),
        (TransientKind::Faulty, None)
    );
}

#[tokio::test]
async fn a_slow_wallet_times_out() {
    let slow = Router::new().fallback(any(async || -> StatusCode { std::future::pending().await }));
    let wallet = with_key(serve(slow).await);
    assert_eq!(
        kind_of(wallet.issue_status(&id()).await),
        (TransientKind::TimedOut, None)
    );
}

#[tokio::test]
async fn a_wallet_that_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let wallet = with_key(Url::parse(&format!("http://{address}")).unwrap());
    assert_eq!(
        kind_of(wallet.issue_status(&id()).await),
        (TransientKind::Unreachable, None)
    );
}

/// A wallet with a token endpoint. It accepts the token that was issued last, if that is not the
/// `withdrawn` one, and counts what it issued.
async fn with_tokens(expires_in: u64, withdrawn: usize) -> (WalletClient, Arc<AtomicUsize>) {
    let issued = Arc::new(AtomicUsize::new(0));
    let (issuing, checking) = (Arc::clone(&issued), Arc::clone(&issued));
    let token = post(move |headers: HeaderMap, body: String| async move {
        // "bestow client" and "s:cret", form-encoded (RFC 6749 §2.3.1) and joined.
        assert_eq!(
            headers["authorization"],
            "Basic YmVzdG93K2NsaWVudDpzJTNBY3JldA=="
        );
        assert_eq!(body, "grant_type=client_credentials&scope=issue");
        let number = issuing.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::task::yield_now().await;
        json!({"access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": expires_in})
            .to_string()
    });
    let status = get(move |headers: HeaderMap| async move {
        let last = checking.load(Ordering::SeqCst);
        if last == withdrawn || headers["authorization"] != format!("Bearer token-{last}") {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let body = json!({"status": "issue_request_created", "correlation_id": id()});
        Response::new(body.to_string().into())
    });
    let app = Router::new().route("/token", token).fallback(status);
    let base_url = serve(app).await;
    let credentials = WalletCredentials::ClientCredentials {
        token_url: base_url.join("/token").unwrap(),
        client_id: "bestow client".to_owned(),
        client_secret: SecretString::from("s:cret"),
        scope: Some("issue".to_owned()),
    };
    (
        WalletClient::new(
            WalletConfig {
                base_url,
                credentials,
            },
            LIMITS,
        )
        .unwrap(),
        issued,
    )
}

#[tokio::test]
async fn one_token_serves_all_concurrent_callers() {
    let (wallet, issued) = with_tokens(3_600, 0).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let wallet = wallet.clone();
        callers.spawn(async move { wallet.issue_status(&id()).await.unwrap() });
    }
    assert_eq!(callers.join_all().await.len(), 8);
    assert_eq!(issued.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_that_is_over_is_renewed() {
    let (wallet, issued) = with_tokens(0, 0).await;
    wallet.issue_status(&id()).await.unwrap();
    wallet.issue_status(&id()).await.unwrap();
    assert_eq!(issued.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_renewed_once() {
    let (wallet, issued) = with_tokens(3_600, 1).await;
    wallet.issue_status(&id()).await.unwrap();
    assert_eq!(issued.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn credentials_that_the_token_endpoint_refuses_are_told() {
    let app = Router::new().route(
        "/token",
        post(async || (StatusCode::BAD_REQUEST, r#"{"error": "invalid_client"}"#)),
    );
    let base_url = serve(app).await;
    let credentials = WalletCredentials::ClientCredentials {
        token_url: base_url.join("/token").unwrap(),
        client_id: "bestow".to_owned(),
        client_secret: SecretString::from("wrong"),
        scope: None,
    };
    let wallet = WalletClient::new(
        WalletConfig {
            base_url,
            credentials,
        },
        LIMITS,
    )
    .unwrap();
    let found = kind_of(wallet.issue_status(&id()).await);
    assert_eq!(found, (TransientKind::CredentialsRejected, None));
}
