//! Access tokens (RFC 6750) of one authorization server, which the operator names.

mod server;
mod token;

use std::fmt;

use bestow_runtime::{ConfigError, Env};

use crate::cache::{Clock, Lookup};
use crate::rate_limit::RateLimit;
use server::ServerKeys;
pub(crate) use token::TokenError;
use token::{Expected, Granted, Unverified};

/// Checks access tokens.
pub(crate) struct Bearer {
    keys: ServerKeys,
    expected: Expected,
    /// What each client may do in a time, if there is a limit.
    pub(crate) rate_limit: Option<RateLimit>,
}

/// Why a token is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BearerError {
    /// It is no good.
    FieldError(TokenError),
    /// That cannot be said: the authorization server's keys cannot be fetched.
    Unavailable,
}

impl From<TokenError> for BearerError {
    fn from(fault: TokenError) -> Self {
        Self::FieldError(fault)
    }
}

impl Bearer {
    /// Reads `OAUTH_ISSUER` (unset, no tokens are taken), `OAUTH_AUDIENCE`, `OAUTH_JWKS_URL` and `OAUTH_RATE_LIMIT`.
    pub(crate) fn from_env(env: &Env, clock: Clock) -> Result<Option<Self>, ConfigError> {
        let name = env.optional("OAUTH_ISSUER").map(str::to_owned);
        let audience = env.optional("OAUTH_AUDIENCE");
        let jwks = env.optional("OAUTH_JWKS_URL");
        let rate_limit = env.parsed("OAUTH_RATE_LIMIT")?;
        let Some(name) = name else {
            let others = [
                ("OAUTH_AUDIENCE", audience.is_some()),
                ("OAUTH_JWKS_URL", jwks.is_some()),
                ("OAUTH_RATE_LIMIT", rate_limit.is_some()),
            ];
            return match others.into_iter().find(|(_, is_set)| *is_set) {
                None => Ok(None),
                Some((other, _)) => Err(ConfigError::invalid(
                    other,
                    "it is of no use without OAUTH_ISSUER: set that too, or neither",
                )),
            };
        };
        let issuer = env.endpoint_url("OAUTH_ISSUER")?;
        let audience = env.required(
            "OAUTH_AUDIENCE",
            "the name of this API in the access tokens (aud), for example https://issuer.example",
        )?;
        let jwks = jwks
            .map(|_| env.endpoint_url("OAUTH_JWKS_URL"))
            .transpose()?;
        Ok(Some(Self {
            keys: ServerKeys::new(&issuer, &name, jwks, clock)?,
            expected: Expected {
                audience: audience.to_owned(),
                issuer: name,
            },
            rate_limit,
        }))
    }

    pub(crate) async fn warm(&self) {
        self.keys.warm().await;
    }

    /// What `token` allows at `now_ms`.
    pub(crate) async fn check(&self, token: &str, now_ms: i64) -> Result<Granted, BearerError> {
        let unverified = Unverified::read(token)?;
        match self.keys.named(unverified.kid()).await {
            Lookup::Found(keys) => Ok(unverified.verify(&keys, &self.expected, now_ms)?),
            Lookup::Absent => Err(TokenError::UnknownKey.into()),
            Lookup::Unavailable => Err(BearerError::Unavailable),
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expected.fmt(formatter)
    }
}
