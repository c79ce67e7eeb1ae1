//! The issue contract as a caller: the wallet that issues, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bestow_contract::{
    CorrelationId, CredentialStatusAnswer, CredentialStatusChange, IssueStatus, StartIssue,
    StartIssueAnswer, is_request_uri, paths,
};
use bestow_issuance::Record;
use bestow_issuance::ports::{
    CredentialWallet, IssueReport, IssuingWallet, ReportingWallet, TransientKind, WalletError,
};
use bestow_runtime::{ConfigError, Env};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tokio::sync::Mutex;
use url::Url;
use uuid::Uuid;

use crate::allowed::Allowed;
use crate::guarded_client::{Answer, GuardedClient, Limits};
use crate::outcome::{faulty, read, success, transient};
use crate::token::{Token, TokenSource};
use crate::wallet_config::{WalletConfig, WalletCredentials};
use crate::wallet_correlation_id;

/// The total is for a whole call of the contract, the access token that it may need included. The
/// functions' time-outs (`template.yaml`) allow for it.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(3),
    total_timeout: Duration::from_secs(10),
    body_bytes: 1024 * 1024,
};

/// A wallet of the issue contract. Clones share connections and token.
///
/// A correlation id that may not survive the path of a URL is told to the wallet as another one. Only
/// this client knows: what goes in and comes out has the caller's.
#[derive(Clone)]
pub struct WalletClient {
    inner: Arc<Inner>,
}

struct Inner {
    http: GuardedClient,
    base_url: String,
    credentials: Credentials,
    /// How long a call may take, with all that belongs to it.
    timeout: Duration,
}

enum Credentials {
    ApiKey(SecretString),
    Token(Box<TokenSource>),
}

impl WalletClient {
    /// The wallet that the `WALLET_…` variables describe; see [`WalletConfig::from_env`].
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let config = WalletConfig::from_env(env)?;
        Self::new(config, LIMITS).map_err(|fault| ConfigError::invalid("WALLET_BASE_URL", fault))
    }

    /// The wallet of `config`. A call with all that belongs to it, such as getting an access token, keeps
    /// within `limits`. Fails when TLS cannot be set up.
    pub fn new(config: WalletConfig, limits: Limits) -> Result<Self, reqwest::Error> {
        let token_url = match &config.credentials {
            WalletCredentials::ApiKey(_) => None,
            WalletCredentials::ClientCredentials { token_url, .. } => Some(token_url),
        };
        let operators = [&config.base_url].into_iter().chain(token_url);
        let http = GuardedClient::new(Allowed::hosts_of(operators), limits)?;
        let credentials = match config.credentials {
            WalletCredentials::ApiKey(key) => Credentials::ApiKey(key),
            WalletCredentials::ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scope,
            } => {
                let cached = Mutex::new(None);
                Credentials::Token(Box::new(TokenSource {
                    token_url,
                    client_id,
                    client_secret,
                    scope,
                    // Half, so that there is time left for the call itself.
                    timeout: limits.total_timeout / 2,
                    cached,
                }))
            }
        };
        let base_url = config.base_url.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                base_url,
                credentials,
                timeout: limits.total_timeout,
            }),
        })
    }
}

impl Inner {
    /// Sends a request, and the answer if it is a success. However many requests that takes, it ends in
    /// time.
    async fn call(
        &self,
        method: Method,
        url: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, WalletError> {
        tokio::time::timeout(self.timeout, self.exchange(method, url, body))
            .await
            .unwrap_or_else(|_| {
                Err(transient(
                    TransientKind::TimedOut,
                    "there was no answer in time",
                ))
            })
    }

    /// A token that is refused is renewed once: it may have been withdrawn before its time.
    async fn exchange(
        &self,
        method: Method,
        url: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, WalletError> {
        let (mut answer, token) = self.send(&method, url, body.clone()).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let (Credentials::Token(source), Some(token)) = (&self.credentials, token)
        {
            source.forget(&token).await;
            (answer, _) = self.send(&method, url, body).await?;
        }
        success(answer)
    }

    async fn send(
        &self,
        method: &Method,
        url: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(Answer, Option<Token>), WalletError> {
        let url = Url::parse(url).map_err(|_| faulty("the request has no valid URL"))?;
        let token = match &self.credentials {
            Credentials::ApiKey(_) => None,
            Credentials::Token(source) => {
                let token = source.token(&self.http).await;
                Some(token.map_err(WalletError::Transient)?)
            }
        };
        let (name, value) = self.authorization(token.as_ref())?;
        let mut request = self
            .http
            .request(method.clone(), url)
            .header(ACCEPT, "application/json")
            .header(name, value);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = self
            .http
            .send(request)
            .await
            .map_err(|fault| WalletError::Transient(fault.into()))?;
        Ok((answer, token))
    }

    fn authorization(
        &self,
        token: Option<&Token>,
    ) -> Result<(HeaderName, HeaderValue), WalletError> {
        let (name, value) = match (&self.credentials, token) {
            (Credentials::ApiKey(key), _) => (
                HeaderName::from_static("x-api-key"),
                HeaderValue::from_str(key.expose_secret()),
            ),
            (Credentials::Token(_), token) => {
                let token = token.map_or("", |token| token.value.expose_secret());
                (
                    reqwest::header::AUTHORIZATION,
                    HeaderValue::from_str(&format!("Bearer {token}")),
                )
            }
        };
        let mut value = value.map_err(|_| faulty("its credentials cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

impl IssuingWallet for WalletClient {
    async fn start_issue(
        &self,
        record: &Record,
        request: &StartIssue,
    ) -> Result<StartIssueAnswer, WalletError> {
        let url = paths::start_issue_url(&self.inner.base_url);
        let id = &record.correlation_id;
        let told_id = wallet_correlation_id::of(id);
        let told = StartIssue {
            correlation_id: Some(told_id.clone()),
            ..request.clone()
        };
        let answer = self
            .inner
            .call(Method::POST, &url, Some(json(&told)?))
            .await?;
        let mut answer: StartIssueAnswer = read(&answer)?;
        answer.correlation_id = as_ours(id, &told_id, &answer.correlation_id)?;
        if !is_request_uri(&answer.request_uri) {
            return Err(faulty(
                "its request_uri is not a link to a wallet, or is too long",
            ));
        }
        Ok(answer)
    }
}

impl ReportingWallet for WalletClient {
    async fn issue_status(&self, record: &Record) -> Result<IssueReport, WalletError> {
        let id = &record.correlation_id;
        let told = wallet_correlation_id::of(id);
        let url = paths::issue_status_url(&self.inner.base_url, &told);
        let answer = match self.inner.call(Method::GET, &url, None).await {
            Err(WalletError::Refused(problem)) if problem.status == 404 => {
                return Ok(IssueReport::Unknown);
            }
            answer => answer?,
        };
        let mut status: IssueStatus = read(&answer)?;
        status.correlation_id = as_ours(id, &told, &status.correlation_id)?;
        Ok(IssueReport::Known(status))
    }
}

impl CredentialWallet for WalletClient {
    async fn set_credential_status(
        &self,
        revocation_uuid: Uuid,
        change: &CredentialStatusChange,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        let url = paths::credential_status_url(&self.inner.base_url, revocation_uuid);
        let body = Some(json(change)?);
        let answer = self.inner.call(Method::PUT, &url, body).await?;
        about(revocation_uuid, read(&answer)?)
    }

    async fn credential_status(
        &self,
        revocation_uuid: Uuid,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        let url = paths::credential_status_url(&self.inner.base_url, revocation_uuid);
        let answer = self.inner.call(Method::GET, &url, None).await?;
        about(revocation_uuid, read(&answer)?)
    }
}

/// Our own id of the issuance that a wallet `answered` for, which was `told` as the one of `id`.
fn as_ours(
    id: &CorrelationId,
    told: &CorrelationId,
    answered: &CorrelationId,
) -> Result<CorrelationId, WalletError> {
    if answered == told {
        Ok(id.clone())
    } else {
        Err(faulty("it answered for another correlation_id"))
    }
}

fn about(
    revocation_uuid: Uuid,
    answer: CredentialStatusAnswer,
) -> Result<CredentialStatusAnswer, WalletError> {
    if answer.revocation_uuid == revocation_uuid {
        Ok(answer)
    } else {
        Err(faulty("it answered for another revocation_uuid"))
    }
}

fn json(body: &impl Serialize) -> Result<Vec<u8>, WalletError> {
    serde_json::to_vec(body).map_err(|_| faulty("the request cannot be written as JSON"))
}
