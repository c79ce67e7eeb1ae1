//! The authorization server's public keys, fetched and cached.

use std::time::Duration;

use bestow_clock::OperatingSystem;
use bestow_egress::{Allowed, GuardedClient, Limits, SendError};
use bestow_jose::{VerificationKey, read_jwk_set};
use bestow_runtime::ConfigError;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

use crate::cache::{Cache, Source, Times};

/// How long fetching may take, the metadata included. The functions' time-outs (`template.yaml`) allow for it.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The largest answer that is accepted.
const LARGEST_ANSWER_BYTES: usize = 256 * 1024;

/// While the server is away its keys are used for an hour more: tokens live shorter than that.
const TIMES: Times = Times {
    kept_for: Duration::from_secs(10 * 60),
    pause: Duration::from_secs(30),
    pause_after_failure: Duration::from_secs(5),
    stale_for: Duration::from_secs(60 * 60),
    timeout: TIMEOUT,
};

/// An authorization server.
pub(super) struct Server {
    http: GuardedClient,
    issuer: String,
    keys_at: KeysAt,
}

/// Where its keys are.
enum KeysAt {
    /// Here.
    Url(Url),
    /// Where its metadata says, which are at one of these.
    Metadata([Url; 2]),
}

/// Why the keys cannot be fetched.
#[derive(Debug, Error)]
pub(super) enum FetchError {
    #[error("{0}")]
    Send(#[from] SendError),
    #[error("the answer was {0}")]
    Status(u16),
    #[error(
        "there is no metadata of the authorization server (RFC 8414, OpenID Connect Discovery): set OAUTH_JWKS_URL"
    )]
    NoMetadata,
    #[error("the metadata is another issuer's than OAUTH_ISSUER")]
    OtherIssuer,
    #[error("the metadata has no jwks_uri")]
    NoJwksUri,
    #[error("the answer is no JWK Set")]
    NoJwkSet,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: Option<String>,
}

impl Source for Server {
    type All = Vec<VerificationKey>;
    type FieldError = FetchError;
    const NAME: &'static str = "the authorization server's keys";

    async fn read(&self) -> Result<Self::All, FetchError> {
        let jwks = match &self.keys_at {
            KeysAt::Url(url) => url.clone(),
            KeysAt::Metadata(urls) => self.discover(urls).await?,
        };
        let answer = self.get(jwks).await?;
        read_jwk_set(&answer).ok_or(FetchError::NoJwkSet)
    }
}

impl Server {
    /// The keys of `issuer`, called `name`, at `jwks` or where its metadata says. The operator chose both, so their
    /// hosts may be at any address.
    pub(super) fn keys(
        issuer: &Url,
        name: &str,
        jwks: Option<Url>,
    ) -> Result<Cache<Self>, ConfigError> {
        let limits = Limits {
            connect_timeout: Duration::from_secs(1),
            total_timeout: TIMEOUT,
            body_bytes: LARGEST_ANSWER_BYTES,
        };
        let allowed = Allowed::hosts_of([issuer].into_iter().chain(&jwks));
        let http = GuardedClient::new(allowed, limits)
            .map_err(|fault| ConfigError::invalid("OAUTH_ISSUER", fault))?;
        let metadata = || KeysAt::Metadata(metadata_urls(issuer));
        let server = Self {
            http,
            issuer: name.to_owned(),
            keys_at: jwks.map_or_else(metadata, KeysAt::Url),
        };
        Ok(Cache::new(server, OperatingSystem, TIMES))
    }

    async fn discover(&self, urls: &[Url]) -> Result<Url, FetchError> {
        for url in urls {
            let answer = match self.get(url.clone()).await {
                Ok(answer) => answer,
                // It has the other kind, or answers what it does not know with something of its own.
                Err(FetchError::Status(400..=499)) => continue,
                Err(fault) => return Err(fault),
            };
            let Ok(metadata) = serde_json::from_slice::<Metadata>(&answer) else {
                continue;
            };
            // RFC 8414 §3.3: they must be identical.
            if metadata.issuer != self.issuer {
                return Err(FetchError::OtherIssuer);
            }
            let jwks_uri = metadata.jwks_uri.as_deref().map(Url::parse);
            return jwks_uri.and_then(Result::ok).ok_or(FetchError::NoJwksUri);
        }
        Err(FetchError::NoMetadata)
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, FetchError> {
        let request = self.http.request(Method::GET, url);
        let request = request.header(ACCEPT, "application/json");
        let answer = self.http.send(request).await?;
        match answer.status.as_u16() {
            200 => Ok(answer.body),
            status => Err(FetchError::Status(status)),
        }
    }
}

/// Where the metadata may be: RFC 8414 §3.1 puts its well-known path before the issuer's own path, OpenID Connect
/// Discovery 1.0 §4 behind it.
fn metadata_urls(issuer: &Url) -> [Url; 2] {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    [
        at(format!("/.well-known/oauth-authorization-server{path}")),
        at(format!("{path}/.well-known/openid-configuration")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_where_either_rule_puts_it() {
        for (issuer, oauth, openid) in [
            (
                "https://login.example",
                "https://login.example/.well-known/oauth-authorization-server",
                "https://login.example/.well-known/openid-configuration",
            ),
            (
                "https://login.example/realms/bank/",
                "https://login.example/.well-known/oauth-authorization-server/realms/bank",
                "https://login.example/realms/bank/.well-known/openid-configuration",
            ),
        ] {
            let urls = metadata_urls(&Url::parse(issuer).unwrap());
            assert_eq!(urls.map(String::from), [oauth, openid]);
        }
    }
}
