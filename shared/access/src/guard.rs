//! A request in; the caller, or why there is none, out.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::Route;
use bestow_aws::sdk::Sdk;
use bestow_clock::{Clock, OperatingSystem};
use bestow_contract::Scope;
use bestow_runtime::{ConfigError, Env};
use tower::{Layer, Service};
use tracing::Instrument;

use crate::api_key::KeyHash;
use crate::bearer::Bearer;
use crate::cache::Cache;
use crate::error::AccessError;
use crate::key_record::KeyState;
use crate::keyring::{keyring, with_hash};
use crate::limiter::{Limiter, Over};
use crate::rate_limit::RateLimit;
use crate::table::AccessTable;

/// The header that carries a caller's key (`contract`: Start issue).
const API_KEY_HEADER: &str = "x-api-key";

/// Stands before the routes of a function. Clones share their caches.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    keyring: Cache<AccessTable>,
    limiter: Limiter<AccessTable>,
    bearer: Option<Bearer>,
    clock: OperatingSystem,
}

/// Who made a request that was let through, for logs and limits: `key:ID` or `client:ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Whoever has the API key of this id.
    Key(String),
    /// An OAuth client, by access token.
    Client(String),
}

impl Caller {
    /// The id alone.
    pub(crate) fn name(&self) -> &str {
        let (Self::Key(name) | Self::Client(name)) = self;
        name
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name) => write!(formatter, "key:{name}"),
            Self::Client(name) => write!(formatter, "client:{name}"),
        }
    }
}

impl Guard {
    /// Reads `ACCESS_TABLE`, the table with the API keys; `ACCESS_CACHE_SECONDS`, for which a revoked key may still be
    /// accepted; and `OAUTH_ISSUER`, `OAUTH_AUDIENCE`, `OAUTH_JWKS_URL` and `OAUTH_RATE_LIMIT` for access tokens. A
    /// fault names its variable.
    pub fn from_env(env: &Env, sdk: &Sdk) -> Result<Self, ConfigError> {
        let table = env.required("ACCESS_TABLE", "the name of the table with the API keys")?;
        let table = AccessTable::new(sdk.dynamodb(), table);
        Ok(Self(Arc::new(Inner {
            keyring: keyring(table.clone(), cache_time(env)?),
            limiter: Limiter::new(table),
            bearer: Bearer::from_env(env)?,
            clock: OperatingSystem,
        })))
    }

    /// Fills the caches, and so opens the connections, before the first request. What fails here is left to that.
    pub async fn warm(&self) {
        match &self.0.bearer {
            None => self.0.keyring.warm().await,
            Some(bearer) => {
                tokio::join!(self.0.keyring.warm(), bearer.warm());
            }
        }
    }

    /// The layer that lets a request pass only with credentials that have `scope`:
    /// `.route_layer(guard.require(Scope::IssueRead))`.
    pub fn require(
        &self,
        scope: Scope,
    ) -> impl Layer<
        Route,
        Service: Service<Request, Response = Response, Error = Infallible, Future: Send>
                     + Clone
                     + Send
                     + Sync
                     + 'static,
    > + Clone
    + Send
    + Sync
    + use<> {
        let guard = self.clone();
        from_fn(move |request: Request, next: Next| {
            let guard = guard.clone();
            async move {
                match guard.admit(request.headers(), scope).await {
                    Ok(caller) => {
                        let span = tracing::info_span!("call", %caller);
                        next.run(request).instrument(span).await
                    }
                    Err(refusal) => refusal.into_response(),
                }
            }
        })
    }

    /// Who makes a request with these headers, if they may do what `scope` stands for.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        scope: Scope,
    ) -> Result<Caller, AccessError> {
        let bearer = self.0.bearer.as_ref();
        match (sent_key(headers)?, sent_token(headers), bearer) {
            (Some(_), Ok(Some(_)), Some(_)) => Err(AccessError::Ambiguous(
                "Send either an API key or an access token, not both.",
            )),
            (_, Err(refusal), Some(_)) => Err(refusal),
            (None, Ok(Some(token)), Some(bearer)) => self.admit_token(bearer, token, scope).await,
            // Where tokens are not taken, the header may be meant for somebody in between.
            (Some(key), _, _) => self.admit_key(key, scope).await,
            (None, token, bearer) => Err(AccessError::Missing {
                takes_tokens: bearer.is_some(),
                has_token: !matches!(token, Ok(None)),
            }),
        }
    }

    async fn admit_token(
        &self,
        bearer: &Bearer,
        token: &str,
        scope: Scope,
    ) -> Result<Caller, AccessError> {
        let granted = bearer.check(token, self.0.clock.now()).await?;
        let caller = Caller::Client(granted.client);
        if !granted.scopes.contains(&scope) {
            return Err(AccessError::LacksScope { caller, scope });
        }
        self.count(caller, bearer.rate_limit).await
    }

    async fn admit_key(&self, key: &[u8], scope: Scope) -> Result<Caller, AccessError> {
        let hash = KeyHash::of(key);
        let found = self.0.keyring.find(|keys| with_hash(keys, &hash)).await?;
        let record = found.ok_or(AccessError::UnknownKey)?;
        let caller = Caller::Key(record.id.to_string());
        match record.state(self.0.clock.now()) {
            KeyState::Expired(at) => Err(AccessError::ExpiredKey { caller, at }),
            KeyState::Revoked(at) => Err(AccessError::RevokedKey { caller, at }),
            KeyState::Valid if record.scopes.contains(&scope) => {
                self.count(caller, record.rate_limit).await
            }
            KeyState::Valid => Err(AccessError::LacksScope { caller, scope }),
        }
    }

    /// Counts a request of a caller who has a limit.
    async fn count(&self, caller: Caller, limit: Option<RateLimit>) -> Result<Caller, AccessError> {
        let Some(limit) = limit else {
            return Ok(caller);
        };
        let now = self.0.clock.now();
        let limiter = &self.0.limiter;
        match limiter.spend(&caller.to_string(), limit, now).await {
            Ok(()) => Ok(caller),
            Err(Over::Unknown) => Err(AccessError::Unavailable),
            Err(Over::Limit {
                retry_after_seconds,
            }) => Err(AccessError::OverLimit {
                caller,
                limit,
                retry_after_seconds,
            }),
        }
    }
}

const ONE_KEY: AccessError = AccessError::Ambiguous("Send exactly one x-api-key header.");
const ONE_AUTHORIZATION: AccessError =
    AccessError::Ambiguous("Send exactly one Authorization header.");

/// The one API key of a request, if it has one. Of several headers a gateway makes one, with commas, which no key has.
fn sent_key(headers: &HeaderMap) -> Result<Option<&[u8]>, AccessError> {
    let mut keys = headers.get_all(API_KEY_HEADER).iter();
    match (keys.next().map(HeaderValue::as_bytes), keys.next()) {
        (Some(key), None) if key.contains(&b',') => Err(ONE_KEY),
        (Some(key), None) => Ok(Some(key).filter(|key| !key.is_empty())),
        (None, _) => Ok(None),
        _ => Err(ONE_KEY),
    }
}

/// The one access token of a request, if it has one (RFC 6750 §2.1).
fn sent_token(headers: &HeaderMap) -> Result<Option<&str>, AccessError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (_, Some(_)) => return Err(ONE_AUTHORIZATION),
        (Some(value), None) => value.to_str().unwrap_or_default(),
        (None, None) => return Ok(None),
    };
    let token = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    match token {
        Some(token) if token.contains(',') => Err(ONE_AUTHORIZATION),
        token => Ok(token),
    }
}

fn cache_time(env: &Env) -> Result<Duration, ConfigError> {
    const NAME: &str = "ACCESS_CACHE_SECONDS";
    let seconds = env.required(NAME, "a number of seconds from 1 to 300")?;
    match seconds.parse() {
        Ok(seconds @ 1..=300) => Ok(Duration::from_secs(seconds)),
        _ => Err(ConfigError::invalid(
            NAME,
            "it must be a number of seconds from 1 to 300",
        )),
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Guard")
    }
}
