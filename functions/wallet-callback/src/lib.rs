//! A wallet's callback: `POST /api/v2/wallet-callbacks/{token}`. The issuance is polled now; the body is not looked at,
//! because what counts is what the wallet answers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use bestow_aws::sdk::Sdk;
use bestow_backend::PollQueue;
use bestow_contract::{Problem, paths};
use bestow_issuance::CallbackTokens;
use bestow_issuance::ports::{PollMessage, PollQueue as _};
use bestow_runtime::http::{HttpError, with_problem_fallbacks};
use bestow_runtime::metrics::{self, Counter};
use bestow_runtime::{ConfigError, Env};
use http_body_util::{BodyExt, Limited};

/// How much of a body is taken, in bytes. The status object of the contract has less than one KiB.
const BODY_BYTES: usize = 64 * 1024;

/// How long a wallet is kept waiting. The schedule makes up for a callback that could not be taken.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// What the route works with.
struct Config {
    /// Opens the addresses that start-issue makes.
    tokens: CallbackTokens,
    queue: PollQueue,
}

/// The route of this function, configured from `env`: `POLL_QUEUE_URL` and `WALLET_CALLBACK_SECRET`. A fault names its
/// variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    const SECRET: &str = "WALLET_CALLBACK_SECRET";
    let sdk = Sdk::from_env(env)?;
    let config = Config {
        tokens: CallbackTokens::new(&env.master_secret(SECRET)?)
            .map_err(|fault| ConfigError::invalid(SECRET, fault))?,
        queue: PollQueue::from_env(env, &sdk)?.with_send_timeout(SEND_TIMEOUT),
    };
    let routes = Router::new()
        .route(paths::WALLET_CALLBACK, post(wallet_callback))
        .with_state(Arc::new(config));
    Ok(with_problem_fallbacks(routes))
}

/// The address is the credential: who knows it may have its issuance polled, and no more.
async fn wallet_callback(
    State(config): State<Arc<Config>>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<StatusCode, HttpError> {
    let correlation_id = token
        .ok()
        .and_then(|Path(token)| config.tokens.open(&token))
        .ok_or_else(unknown)?;
    let message = PollMessage::poll_now(correlation_id.clone());
    let sent = config.queue.send(&message.into(), Duration::ZERO).await;
    // Read to its end only because a client that still sends may not see an answer.
    let _not_looked_at = Limited::new(request.into_body(), BODY_BYTES)
        .collect()
        .await;
    match sent {
        Ok(()) => {
            metrics::count(Counter::WalletCallbacks, 1);
            tracing::info!(%correlation_id, "a wallet called back, and is asked what happened");
            Ok(StatusCode::ACCEPTED)
        }
        Err(fault) => {
            tracing::error!(%correlation_id, %fault, "a wallet's callback could not be passed on");
            Err(
                Problem::unavailable("The callback cannot be taken now. Repeat it in a moment.")
                    .with_retry_after_seconds(1)
                    .into(),
            )
        }
    }
}

fn unknown() -> Problem {
    tracing::info!("a callback came to an address that was never given out");
    Problem::not_found("There is no callback at this address.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::header::RETRY_AFTER;
    use axum::response::Response;
    use secrecy::SecretString;
    use tower::ServiceExt;

    /// The queue is at a port that nobody listens on: whatever is answered otherwise than by 503 was
    /// answered without it.
    async fn answer(method: &str, token: &str) -> Response {
        let env = Env::from_iter([
            ("POLL_QUEUE_URL", "http://127.0.0.1:1/0/polls"),
            ("WALLET_CALLBACK_SECRET", &"s".repeat(32)),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1"),
        ]);
        let request = Request::builder()
            .method(method)
            .uri(paths::wallet_callback_url("", token))
            .body(Body::from(r#"{"status": "issue_completed"}"#))
            .unwrap();
        app(&env).await.unwrap().oneshot(request).await.unwrap()
    }

    fn token(secret: &str) -> String {
        let secret = SecretString::from(secret.repeat(32));
        let id = "89cba89".parse().unwrap();
        CallbackTokens::new(&secret).unwrap().token(&id).unwrap()
    }

    #[tokio::test]
    async fn an_address_that_was_never_given_out_costs_no_call() {
        for forged in [
            token("t").as_str(),
            "x",
            "89cba89",
            "%FF",
            &"A".repeat(4_000),
        ] {
            let response = answer("POST", forged).await;
            assert_eq!(response.status(), 404, "{forged}");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["status"], 404);
        }
        assert_eq!(answer("GET", &token("s")).await.status(), 405);
    }

    #[tokio::test]
    async fn a_callback_that_cannot_be_passed_on_may_be_repeated() {
        let response = answer("POST", &token("s")).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
