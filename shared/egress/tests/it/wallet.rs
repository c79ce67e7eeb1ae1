//! Wallets, and what they are asked.

use std::future::IntoFuture;
use std::time::Duration;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::any;
use bestow_contract::{CorrelationId, StartIssue};
use bestow_egress::{Limits, WalletClient};
use bestow_issuance::ports::{TransientKind, WalletError};
use bestow_issuance::{Record, RequestHash};
use serde_json::json;
use url::Url;

pub(crate) const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(2),
    total_timeout: Duration::from_millis(500),
    body_bytes: 64 * 1024,
};

/// Serves `app` on a free port, and where that is.
pub(crate) async fn serve(app: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    Url::parse(&format!("http://{address}/wallet")).unwrap()
}

/// The client of the wallet at `base_url`, with these variables besides.
pub(crate) fn with_env<const N: usize>(base_url: &Url, others: [(&str, &str); N]) -> WalletClient {
    let base_url = ("WALLET_BASE_URL", base_url.as_str().trim_end_matches('/'));
    let env = others.into_iter().chain([base_url]).collect();
    WalletClient::with_limits(&env, LIMITS).unwrap()
}

pub(crate) fn with_key(base_url: Url) -> WalletClient {
    with_env(&base_url, [("WALLET_API_KEY", "the key")])
}

pub(crate) fn id() -> CorrelationId {
    "order 7 é".parse().unwrap()
}

/// What the backend has reserved under `id`.
pub(crate) fn record(id: &CorrelationId) -> Record {
    let hash = RequestHash::from_stored("00");
    let now = jiff::Timestamp::UNIX_EPOCH;
    Record::reserve(id.clone(), "issue_iban".to_owned(), hash, now)
}

pub(crate) fn request() -> StartIssue {
    let body =
        json!({"correlation_id": id(), "template_id": "issue_iban", "claims": {"a": {"b": 1}}});
    StartIssue::from_json(body.to_string().as_bytes()).unwrap()
}

/// A wallet that answers every request with what `answer` makes.
pub(crate) async fn always<R: IntoResponse + Send + 'static>(
    answer: impl Fn() -> R + Clone + Send + Sync + 'static,
) -> WalletClient {
    let app = Router::new().fallback(any(move || {
        let answer = answer();
        async move { answer }
    }));
    with_key(serve(app).await)
}

pub(crate) fn kind_of<T: std::fmt::Debug>(
    result: Result<T, WalletError>,
) -> (TransientKind, Option<u32>) {
    match result.unwrap_err() {
        WalletError::Transient(failure) => {
            assert!(!failure.reason.contains("a claim"), "{}", failure.reason);
            let seconds = failure.retry_after.map(|after| after.as_secs() as u32);
            (failure.kind, seconds)
        }
        refused => panic!("{refused:?}"),
    }
}
