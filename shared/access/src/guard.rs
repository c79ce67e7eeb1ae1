//! A request in; the caller, or why there is none, out.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::Route;
use bestow_aws::sdk::Sdk;
use bestow_contract::Scope;
use bestow_runtime::{ConfigError, Env};
use jiff::Timestamp;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::api_key::{KeyHash, KeyId};
use crate::bearer::{Bearer, BearerError};
use crate::cache::{Clock, Lookup};
use crate::error::AccessError;
use crate::key_record::KeyState;
use crate::keyring::Keyring;
use crate::limiter::{Limiter, Over};
use crate::rate_limit::RateLimit;
use crate::table::AccessTable;

/// The header that carries a caller's key (`contract`: Start issue).
const API_KEY_HEADER: &str = "x-api-key";

/// The kind of a caller with an access token.
const CLIENT: &str = "client";

/// Stands before the routes of a function. Clones share what is known of the keys.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    keyring: Keyring,
    limiter: Limiter<AccessTable>,
    bearer: Option<Bearer>,
    clock: Clock,
}

/// Who made a request that was let through, for logs: `key:ID` or `client:ID`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    kind: &'static str,
    name: String,
}

impl Caller {
    pub(crate) fn of_key(id: &KeyId) -> Self {
        Self {
            kind: "key",
            name: id.to_string(),
        }
    }

    pub(crate) fn of_client(id: String) -> Self {
        Self {
            kind: CLIENT,
            name: id,
        }
    }

    /// Whether it showed an access token.
    pub(crate) fn is_client(&self) -> bool {
        self.kind == CLIENT
    }

    /// The id alone.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.kind, self.name)
    }
}

impl Guard {
    /// Reads `ACCESS_TABLE`, the table with the API keys, and `ACCESS_CACHE_SECONDS`, for how long they are kept:
    /// so long a key that was revoked may still be taken. `OAUTH_ISSUER`, `OAUTH_AUDIENCE`, `OAUTH_JWKS_URL` and
    /// `OAUTH_RATE_LIMIT` say which access tokens are taken. A fault names its variable.
    pub fn from_env(env: &Env, sdk: &Sdk) -> Result<Self, ConfigError> {
        let table = env.required("ACCESS_TABLE", "the name of the table with the API keys")?;
        let clock: Clock = Arc::new(|| Timestamp::now().as_millisecond());
        let table = AccessTable::new(sdk.dynamodb(), table);
        Ok(Self(Arc::new(Inner {
            keyring: Keyring::new(table.clone(), Arc::clone(&clock), cache_time(env)?),
            limiter: Limiter::new(table),
            bearer: Bearer::from_env(env, Arc::clone(&clock))?,
            clock,
        })))
    }

    /// Reads the keys, and so opens the connection to their table, before the first request comes. Does its best:
    /// if it cannot, the first request will.
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
        let granted = match bearer.check(token, (self.0.clock)()).await {
            Ok(granted) => granted,
            Err(BearerError::FieldError(fault)) => return Err(AccessError::BadToken(fault)),
            Err(BearerError::Unavailable) => return Err(AccessError::Unavailable),
        };
        let caller = Caller::of_client(granted.client);
        if !granted.scopes.contains(&scope) {
            return Err(AccessError::LacksScope { caller, scope });
        }
        self.count(caller, bearer.rate_limit).await
    }

    async fn admit_key(&self, key: &[u8], scope: Scope) -> Result<Caller, AccessError> {
        let record = match self.0.keyring.find(&KeyHash::of(key)).await {
            Lookup::Found(record) => record,
            Lookup::Unavailable => return Err(AccessError::Unavailable),
            Lookup::Absent => return Err(AccessError::UnknownKey),
        };
        let caller = Caller::of_key(&record.id);
        match record.state((self.0.clock)()) {
            KeyState::Expired { at_ms } => Err(AccessError::ExpiredKey { caller, at_ms }),
            KeyState::Revoked { at_ms } => Err(AccessError::RevokedKey { caller, at_ms }),
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
        let now_ms = (self.0.clock)();
        let spent = self
            .0
            .limiter
            .spend(&caller.to_string(), limit, now_ms)
            .await;
        match spent {
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

/// The one API key of a request, if it has one.
fn sent_key(headers: &HeaderMap) -> Result<Option<&[u8]>, AccessError> {
    let mut keys = headers.get_all(API_KEY_HEADER).iter();
    match (keys.next(), keys.next()) {
        (_, Some(_)) => Err(AccessError::Ambiguous("Send exactly one x-api-key header.")),
        (Some(key), None) if !key.is_empty() => Ok(Some(key.as_bytes())),
        _ => Ok(None),
    }
}

/// The one access token of a request, if it has one (RFC 6750 §2.1). Other schemes are not ours.
fn sent_token(headers: &HeaderMap) -> Result<Option<&str>, AccessError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (_, Some(_)) => {
            return Err(AccessError::Ambiguous(
                "Send exactly one Authorization header.",
            ));
        }
        (Some(value), None) => value.to_str().unwrap_or_default(),
        (None, None) => return Ok(None),
    };
    let token = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    Ok(token)
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

/// Shows nothing of the keys.
impl fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Guard")
    }
}
