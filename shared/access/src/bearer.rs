//! Access tokens (RFC 6750) of one authorization server, which the operator names.

mod server;
mod token;

use bestow_jose::VerificationKey;
use bestow_jose::jws::Unverified;
use bestow_runtime::{ConfigError, Env};
use jiff::Timestamp;

use crate::cache::Cache;
use crate::error::AccessError;
use crate::rate_limit::RateLimit;
use server::Server;
pub(crate) use token::TokenError;
use token::{Expected, Granted, POLICY, granted};

/// Checks access tokens.
pub(crate) struct Bearer {
    keys: Cache<Server>,
    expected: Expected,
    /// How many requests each client may make; `None` for any number.
    pub(crate) rate_limit: Option<RateLimit>,
}

impl Bearer {
    /// Reads `OAUTH_ISSUER` (unset, no tokens are taken), `OAUTH_AUDIENCE`, `OAUTH_JWKS_URL` and `OAUTH_RATE_LIMIT`.
    pub(crate) fn from_env(env: &Env) -> Result<Option<Self>, ConfigError> {
        let Some(name) = env.optional("OAUTH_ISSUER") else {
            let mut others = ["OAUTH_AUDIENCE", "OAUTH_JWKS_URL", "OAUTH_RATE_LIMIT"].into_iter();
            let reason = "it is of no use without OAUTH_ISSUER: set that too, or neither";
            return match others.find(|other| env.optional(other).is_some()) {
                None => Ok(None),
                Some(other) => Err(ConfigError::invalid(other, reason)),
            };
        };
        let issuer = env.endpoint_url("OAUTH_ISSUER")?;
        let audience = env.required(
            "OAUTH_AUDIENCE",
            "the name of this API in the access tokens (aud), for example https://issuer.example",
        )?;
        let jwks = env.optional("OAUTH_JWKS_URL");
        let jwks = jwks.map(|_| env.endpoint_url("OAUTH_JWKS_URL"));
        Ok(Some(Self {
            keys: Server::keys(&issuer, name, jwks.transpose()?)?,
            expected: Expected {
                audience: audience.to_owned(),
                issuer: name.to_owned(),
            },
            rate_limit: env.parsed("OAUTH_RATE_LIMIT")?,
        }))
    }

    pub(crate) async fn warm(&self) {
        self.keys.warm().await;
    }

    /// What `token` allows at `now`.
    pub(crate) async fn check(&self, token: &str, now: Timestamp) -> Result<Granted, AccessError> {
        let unverified = Unverified::read(token, &POLICY).map_err(TokenError::from)?;
        let kid = unverified.header().kid().unwrap_or_default();
        let named = |keys: &Vec<VerificationKey>| {
            let named = keys.iter().filter(|key| key.kid() == kid).cloned();
            Some(named.collect::<Vec<_>>()).filter(|named| !named.is_empty())
        };
        let keys = self.keys.find(named).await?;
        let keys = keys.ok_or(TokenError::UnknownKey)?;
        let verified = unverified.verify(&*keys).map_err(TokenError::from)?;
        Ok(granted(verified.claims, &self.expected, now)?)
    }
}
