//! Access tokens by client credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use bestow_egress::WalletClient;
use bestow_issuance::ports::{ReportingWallet, TransientKind};
use serde_json::json;
use tokio::task::JoinSet;
use url::Url;

use crate::wallet::{LIMITS, id, kind_of, record, serve, with_env};

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
    let wallet = with_env(
        &base_url,
        [
            (
                "WALLET_TOKEN_URL",
                base_url.join("/token").unwrap().as_str(),
            ),
            ("WALLET_CLIENT_ID", "bestow client"),
            ("WALLET_CLIENT_SECRET", "s:cret"),
            ("WALLET_SCOPE", "issue"),
        ],
    );
    (wallet, issued)
}

#[tokio::test]
async fn one_token_serves_all_concurrent_callers() {
    let (wallet, issued) = with_tokens(3_600, 0).await;
    let wallet = Arc::new(wallet);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let wallet = Arc::clone(&wallet);
        callers.spawn(async move { wallet.issue_status(&record(&id())).await.unwrap() });
    }
    assert_eq!(callers.join_all().await.len(), 8);
    assert_eq!(issued.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_that_is_over_is_renewed() {
    let (wallet, issued) = with_tokens(0, 0).await;
    wallet.issue_status(&record(&id())).await.unwrap();
    wallet.issue_status(&record(&id())).await.unwrap();
    assert_eq!(issued.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_renewed_once() {
    let (wallet, issued) = with_tokens(3_600, 1).await;
    wallet.issue_status(&record(&id())).await.unwrap();
    assert_eq!(issued.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn credentials_that_the_token_endpoint_refuses_are_told() {
    let app = Router::new().route(
        "/token",
        post(async || (StatusCode::BAD_REQUEST, r#"{"error": "invalid_client"}"#)),
    );
    let base_url = serve(app).await;
    let wallet = with_client(&base_url);
    let found = kind_of(wallet.issue_status(&record(&id())).await);
    assert_eq!(found, (TransientKind::CredentialsRejected, None));
}

/// A client whose token endpoint takes each request and never answers, and a count of those.
async fn with_hanging_token_endpoint() -> (WalletClient, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let token = post(move || async move {
        counting.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<StatusCode>().await
    });
    let base_url = serve(Router::new().route("/token", token)).await;
    (with_client(&base_url), asked)
}

/// A whole batch of polls waits for one token: it must not take one time-out for each of them.
#[tokio::test]
async fn callers_that_wait_for_a_token_share_its_failure() {
    let (wallet, asked) = with_hanging_token_endpoint().await;
    let wallet = Arc::new(wallet);
    let mut callers = JoinSet::new();
    for _ in 0..10 {
        let wallet = Arc::clone(&wallet);
        callers.spawn(async move { kind_of(wallet.issue_status(&record(&id())).await) });
    }
    for found in callers.join_all().await {
        assert_eq!(found, (TransientKind::TimedOut, None));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failure_to_get_a_token_is_not_kept_for_long() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let token = post(move || async move {
        match counting.fetch_add(1, Ordering::SeqCst) {
            0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => json!({"access_token": "token"}).to_string().into_response(),
        }
    });
    let status = get(async || {
        json!({"status": "issue_request_created", "correlation_id": id()}).to_string()
    });
    let base_url = serve(Router::new().route("/token", token).fallback(status)).await;
    let wallet = with_client(&base_url);
    let begun = Instant::now();
    while wallet.issue_status(&record(&id())).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

/// A slow token, a slow wallet that refuses it, another slow token and the wallet again: one call.
#[tokio::test]
async fn a_call_ends_in_time_however_many_requests_it_takes() {
    let slowly = async || tokio::time::sleep(LIMITS.total_timeout * 2 / 5).await;
    let token = post(async move || {
        slowly().await;
        json!({"access_token": "token"}).to_string()
    });
    let refused = any(async move || {
        slowly().await;
        StatusCode::UNAUTHORIZED
    });
    let base_url = serve(Router::new().route("/token", token).fallback(refused)).await;
    let wallet = with_client(&base_url);
    let found = kind_of(wallet.issue_status(&record(&id())).await);
    assert_eq!(found, (TransientKind::TimedOut, None));
}

fn with_client(base_url: &Url) -> WalletClient {
    let token_url = base_url.join("/token").unwrap();
    with_env(
        base_url,
        [
            ("WALLET_TOKEN_URL", token_url.as_str()),
            ("WALLET_CLIENT_ID", "bestow"),
            ("WALLET_CLIENT_SECRET", "secret"),
        ],
    )
}
