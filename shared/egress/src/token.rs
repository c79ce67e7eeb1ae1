//! Access tokens by the OAuth 2.0 client credentials grant (RFC 6749 §4.4), fetched once and cached.

use std::time::{Duration, Instant};

use bestow_contract::Problem;
use bestow_issuance::ports::{TransientError, TransientKind, WalletError};
use reqwest::Method;
use reqwest::header::ACCEPT;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use url::{Url, form_urlencoded};

use crate::guarded_client::{Answer, GuardedClient};
use crate::outcome::{read, success};

/// How long before its end a token is renewed, so that it does not end on its way.
const RENEWED_BEFORE_END: Duration = Duration::from_secs(30);
/// How long a token is used whose answer does not say how long it lives.
const DEFAULT_LIFE: Duration = Duration::from_secs(300);
/// How long a failure counts for others too: those who waited meanwhile would only wait for the same.
const FAILURE_SHARED_FOR: Duration = Duration::from_secs(1);

/// The client's credentials, and the token that they were last good for.
pub(crate) struct TokenSource {
    pub(crate) token_url: Url,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) scope: Option<String>,
    /// How long fetching a token may take.
    pub(crate) timeout: Duration,
    /// What came of fetching a token, and until when that counts.
    pub(crate) cached: Mutex<Option<(Result<SecretString, TransientError>, Instant)>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    /// A number; some servers send a string.
    expires_in: Option<Value>,
}

impl TokenSource {
    /// A token that is still good. Callers that come while it is being fetched wait for what comes of it, a failure
    /// too.
    pub(crate) async fn token(&self, http: &GuardedClient) -> Result<SecretString, TransientError> {
        let mut cached = self.cached.lock().await;
        if let Some((result, until)) = cached.as_ref()
            && Instant::now() < *until
        {
            return result.clone();
        }
        let asked_at = Instant::now();
        let (result, until) = match self.fetch(http).await {
            Ok(answer) => {
                let life = life(answer.expires_in.as_ref());
                (Ok(answer.access_token), asked_at + life)
            }
            Err(failure) => (Err(failure), Instant::now() + FAILURE_SHARED_FOR),
        };
        *cached = Some((result.clone(), until));
        result
    }

    /// Gives up a token that was refused, unless another caller has renewed it since.
    pub(crate) async fn forget(&self, refused: &SecretString) {
        let mut cached = self.cached.lock().await;
        if let Some((Ok(token), _)) = cached.as_ref()
            && token.expose_secret() == refused.expose_secret()
        {
            *cached = None;
        }
    }

    async fn fetch(&self, http: &GuardedClient) -> Result<TokenAnswer, TransientError> {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let request = http
            .request(Method::POST, self.token_url.clone())
            .basic_auth(
                form_encoded(&self.client_id),
                Some(form_encoded(self.client_secret.expose_secret())),
            )
            .header(ACCEPT, "application/json")
            .form(&form)
            .timeout(self.timeout);
        let answer = http
            .send(request)
            .await
            .map_err(|fault| WalletError::Transient(fault.into()));
        answer
            .and_then(granted)
            .and_then(|answer| read(&answer))
            .map_err(at_token_endpoint)
    }
}

/// As RFC 6749 §2.3.1 wants the parts of the Basic scheme.
fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// How long a token is used that lives for `expires_in` seconds.
fn life(expires_in: Option<&Value>) -> Duration {
    let seconds = match expires_in {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let life = seconds.map_or(DEFAULT_LIFE, |seconds| {
        Duration::from_secs(seconds.min(86_400))
    });
    life.saturating_sub(RENEWED_BEFORE_END).max(life / 2)
}

/// The answer, if it is a success. A token endpoint refuses with an `error` of its own (RFC 6749 §5.2).
fn granted(answer: Answer) -> Result<Answer, WalletError> {
    #[derive(Deserialize)]
    struct ErrorBody {
        #[serde(rename = "error")]
        _error: String,
    }
    let status = answer.status.as_u16();
    if status == 400 && serde_json::from_slice::<ErrorBody>(&answer.body).is_ok() {
        let problem = Problem::from_answer(status, &answer.body);
        return Err(WalletError::Refused(problem));
    }
    success(answer)
}

/// A refusal of the token endpoint is about our configuration, never about a caller's request.
fn at_token_endpoint(failure: WalletError) -> TransientError {
    match failure {
        WalletError::Refused(problem) => TransientError {
            kind: TransientKind::CredentialsRejected,
            retry_after: None,
            reason: format!(
                "the token endpoint answered {}: check WALLET_CLIENT_ID, WALLET_CLIENT_SECRET and WALLET_SCOPE",
                problem.status
            ),
        },
        WalletError::Transient(failure) => TransientError {
            reason: format!(
                "no access token: the token endpoint failed: {}",
                failure.reason
            ),
            ..failure
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        for (expires_in, seconds) in [
            (Some(json!(3600)), 3570),
            (Some(json!("300")), 270),
            (Some(json!(10)), 5),
            (Some(json!(0)), 0),
            (Some(json!(u64::MAX)), 86_370),
            (None, 270),
        ] {
            assert_eq!(
                life(expires_in.as_ref()),
                Duration::from_secs(seconds),
                "{expires_in:?}"
            );
        }
    }
}
