//! The issue contract as a caller: the wallet that issues, over HTTP.

use std::time::Duration;

use bestow_contract::{
    CredentialStatusAnswer, CredentialStatusChange, IssueStatus, StartIssue, StartIssueAnswer,
    is_request_uri, paths,
};
use bestow_issuance::Record;
use bestow_issuance::ports::{
    CredentialWallet, IssuingWallet, ReportingWallet, TransientKind, WalletError,
};
use bestow_runtime::{ConfigError, Env};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use uuid::Uuid;

use crate::allowed::Allowed;
use crate::guarded_client::{Answer, GuardedClient, Limits};
use crate::outcome::{faulty, read, success, transient};
use crate::wallet_config::Credentials;
use crate::wallet_correlation_id;

/// The functions' time-outs (`template.yaml`) allow for the total.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(3),
    total_timeout: Duration::from_secs(10),
    body_bytes: 1024 * 1024,
};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A wallet of the issue contract.
///
/// A correlation id that may not survive the path of a URL is told to the wallet as another one. What goes in and comes
/// out here has the caller's.
pub struct WalletClient {
    http: GuardedClient,
    base_url: String,
    credentials: Credentials,
    /// How long a call may take, with all that belongs to it.
    timeout: Duration,
}

impl WalletClient {
    /// The wallet at `WALLET_BASE_URL`, with the credentials of the other `WALLET_…` variables.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Self::with_limits(env, LIMITS)
    }

    /// Like [`WalletClient::from_env`], within other limits. A call keeps within them, getting an access token included.
    pub fn with_limits(env: &Env, limits: Limits) -> Result<Self, ConfigError> {
        const BASE_URL: &str = "WALLET_BASE_URL";
        let base_url = env.base_url(BASE_URL)?;
        let url = Url::parse(&base_url).map_err(|fault| ConfigError::invalid(BASE_URL, fault))?;
        // Half, so that there is time left for the call itself.
        let credentials = Credentials::from_env(env, limits.total_timeout / 2)?;
        let mut operators = vec![&url];
        if let Credentials::Token(source) = &credentials {
            operators.push(&source.token_url);
        }
        let http = GuardedClient::new(Allowed::hosts_of(operators), limits)
            .map_err(|fault| ConfigError::invalid(BASE_URL, fault))?;
        Ok(Self {
            http,
            base_url,
            credentials,
            timeout: limits.total_timeout,
        })
    }

    fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, WalletError> {
        let url = Url::parse(url).map_err(|_| faulty("the request has no valid URL"))?;
        let request = self.http.request(method, url);
        Ok(request.header(ACCEPT, "application/json"))
    }

    /// Sends a request, and gives the answer if it is a success. However many requests that takes, it ends in time.
    async fn call(&self, request: RequestBuilder) -> Result<Answer, WalletError> {
        let in_time = tokio::time::timeout(self.timeout, self.exchange(request)).await;
        in_time.unwrap_or_else(|_| {
            let reason = "there was no answer in time";
            Err(transient(TransientKind::TimedOut, reason))
        })
    }

    /// A token that is refused is renewed once: it may have been withdrawn before its time.
    async fn exchange(&self, request: RequestBuilder) -> Result<Answer, WalletError> {
        let repeat = request.try_clone();
        let (mut answer, token) = self.send(request).await?;
        if answer.status == StatusCode::UNAUTHORIZED
            && let (Credentials::Token(source), Some(token), Some(repeat)) =
                (&self.credentials, token, repeat)
        {
            source.forget(&token).await;
            (answer, _) = self.send(repeat).await?;
        }
        success(answer)
    }

    /// Sends a request with our credentials, and gives the access token among them.
    async fn send(
        &self,
        request: RequestBuilder,
    ) -> Result<(Answer, Option<SecretString>), WalletError> {
        let (name, value, token) = match &self.credentials {
            Credentials::ApiKey(key) => (API_KEY, key.expose_secret().to_owned(), None),
            Credentials::Token(source) => {
                let token = source.token(&self.http).await;
                let token = token.map_err(WalletError::Transient)?;
                let value = format!("Bearer {}", token.expose_secret());
                (AUTHORIZATION, value, Some(token))
            }
        };
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| faulty("its credentials cannot stand in a header"))?;
        value.set_sensitive(true);
        let answer = self.http.send(request.header(name, value)).await;
        let answer = answer.map_err(|fault| WalletError::Transient(fault.into()))?;
        Ok((answer, token))
    }
}

impl IssuingWallet for WalletClient {
    async fn start_issue(
        &self,
        record: &Record,
        request: &StartIssue,
    ) -> Result<StartIssueAnswer, WalletError> {
        let url = paths::start_issue_url(&self.base_url);
        let id = &record.correlation_id;
        let told_id = wallet_correlation_id::of(id);
        let told = StartIssue {
            correlation_id: Some(told_id.clone()),
            ..request.clone()
        };
        let request = self.request(Method::POST, &url)?.json(&told);
        let answer = self.call(request).await?;
        let mut answer: StartIssueAnswer = read(&answer)?;
        check(&told_id, &answer.correlation_id, "correlation_id")?;
        answer.correlation_id = id.clone();
        if !is_request_uri(&answer.request_uri) {
            return Err(faulty(
                "its request_uri is not a link to a wallet, or is too long",
            ));
        }
        Ok(answer)
    }
}

impl ReportingWallet for WalletClient {
    async fn issue_status(&self, record: &Record) -> Result<Option<IssueStatus>, WalletError> {
        let id = &record.correlation_id;
        let told = wallet_correlation_id::of(id);
        let url = paths::issue_status_url(&self.base_url, &told);
        let answer = match self.call(self.request(Method::GET, &url)?).await {
            Err(WalletError::Refused(problem)) if problem.status == 404 => {
                return Ok(None);
            }
            answer => answer?,
        };
        let mut status: IssueStatus = read(&answer)?;
        check(&told, &status.correlation_id, "correlation_id")?;
        status.correlation_id = id.clone();
        Ok(Some(status))
    }
}

impl CredentialWallet for WalletClient {
    async fn set_credential_status(
        &self,
        revocation_uuid: Uuid,
        change: &CredentialStatusChange,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        let url = paths::credential_status_url(&self.base_url, revocation_uuid);
        let request = self.request(Method::PUT, &url)?.json(change);
        about(revocation_uuid, &self.call(request).await?)
    }

    async fn credential_status(
        &self,
        revocation_uuid: Uuid,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        let url = paths::credential_status_url(&self.base_url, revocation_uuid);
        about(
            revocation_uuid,
            &self.call(self.request(Method::GET, &url)?).await?,
        )
    }
}

fn about(uuid: Uuid, answer: &Answer) -> Result<CredentialStatusAnswer, WalletError> {
    let answer: CredentialStatusAnswer = read(answer)?;
    check(&uuid, &answer.revocation_uuid, "revocation_uuid")?;
    Ok(answer)
}

/// Whether an answer is about what was `asked` for.
fn check<T: PartialEq>(asked: &T, answered: &T, name: &str) -> Result<(), WalletError> {
    if asked == answered {
        Ok(())
    } else {
        Err(faulty(format!("it answered for another {name}")))
    }
}
