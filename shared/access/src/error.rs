//! Why a request is not let through, as a problem and as a challenge (RFC 9110 §11.6.1, RFC 6750 §3).

use std::fmt;

use axum::http::HeaderValue;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::Response;
use bestow_contract::{Problem, ProblemKind, Scope};
use bestow_runtime::http::problem_response;
use jiff::Timestamp;

use crate::bearer::TokenError;
use crate::guard::Caller;
use crate::rate_limit::RateLimit;

/// Why a request is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccessError {
    /// No credentials that could be looked at.
    Missing { takes_tokens: bool, has_token: bool },
    /// Credentials of which it cannot be said whose they are to be.
    Ambiguous(&'static str),
    /// An access token that is not taken.
    BadToken(TokenError),
    /// A key that nobody gave out.
    UnknownKey,
    /// A key whose time is over.
    ExpiredKey { caller: Caller, at_ms: i64 },
    /// A key that an operator ended.
    RevokedKey { caller: Caller, at_ms: i64 },
    /// Good credentials that do not allow this.
    LacksScope { caller: Caller, scope: Scope },
    /// Good credentials, used more often than they may be.
    OverLimit {
        caller: Caller,
        limit: RateLimit,
        retry_after_seconds: u32,
    },
    /// Who the caller is cannot be found out now.
    Unavailable,
}

impl AccessError {
    /// The answer, which is also logged: one line for each request that was not let through.
    pub(crate) fn into_response(self) -> Response {
        let problem = self.problem();
        let (status, reason) = (problem.status, &problem.detail);
        match self.caller() {
            Some(caller) => tracing::info!(%caller, status, reason, "a caller was refused"),
            None => tracing::info!(status, reason, "a caller was refused"),
        }
        let mut response = problem_response(problem);
        if let Some(challenge) = self.challenge() {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Missing {
                takes_tokens: true, ..
            } => Problem::unauthorized(
                "Send your API key in the x-api-key header, or an access token in Authorization: Bearer.",
            ),
            Self::Missing {
                has_token: true, ..
            } => Problem::unauthorized(
                "No access tokens are taken here: send your API key in the x-api-key header.",
            ),
            Self::Missing { .. } => {
                Problem::unauthorized("Send your API key in the x-api-key header.")
            }
            Self::Ambiguous(detail) => Problem::invalid_request(*detail),
            Self::BadToken(fault) => {
                Problem::unauthorized(format!("The access token is not taken: {fault}."))
            }
            Self::UnknownKey => {
                Problem::unauthorized("The key in the x-api-key header is not known.")
            }
            Self::ExpiredKey { caller, at_ms } => Problem::unauthorized(format!(
                "The API key {} expired {}. Ask the operator for a new one.",
                caller.name(),
                At(*at_ms)
            )),
            Self::RevokedKey { caller, at_ms } => Problem::unauthorized(format!(
                "The API key {} was revoked {}. Ask the operator for a new one.",
                caller.name(),
                At(*at_ms)
            )),
            Self::LacksScope { scope, .. } => Problem::lacks_scope(*scope),
            Self::OverLimit {
                limit,
                retry_after_seconds,
                ..
            } => Problem::new(
                ProblemKind::TooManyRequests,
                format!(
                    "You have made as many requests as your limit of {limit} allows: try again in \
                     {retry_after_seconds} s."
                ),
            )
            .with_retry_after_seconds(*retry_after_seconds),
            Self::Unavailable => Problem::unavailable(
                "Your credentials cannot be checked for now. Try again in a moment.",
            )
            .with_retry_after_seconds(2),
        }
    }

    fn caller(&self) -> Option<&Caller> {
        match self {
            Self::ExpiredKey { caller, .. }
            | Self::RevokedKey { caller, .. }
            | Self::LacksScope { caller, .. }
            | Self::OverLimit { caller, .. } => Some(caller),
            _ => None,
        }
    }

    fn challenge(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::LacksScope { caller, scope } => {
                let scheme = if caller.is_client() {
                    "Bearer"
                } else {
                    "ApiKey"
                };
                format!(r#"{scheme} error="insufficient_scope", scope="{scope}""#)
            }
            Self::BadToken(fault) => {
                format!(r#"Bearer error="invalid_token", error_description="{fault}""#)
            }
            Self::UnknownKey | Self::ExpiredKey { .. } | Self::RevokedKey { .. } => {
                r#"ApiKey error="invalid_key""#.to_owned()
            }
            // RFC 6750 §3.1: no error for whoever did not know that credentials are needed.
            Self::Missing { takes_tokens, .. } => {
                let schemes = if *takes_tokens {
                    "Bearer, ApiKey"
                } else {
                    "ApiKey"
                };
                schemes.to_owned()
            }
            Self::Ambiguous(_) | Self::OverLimit { .. } | Self::Unavailable => return None,
        };
        HeaderValue::try_from(text).ok()
    }
}

/// A time in words, to the second.
struct At(i64);

impl fmt::Display for At {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0.div_euclid(1000)) {
            Ok(time) => write!(formatter, "on {time}"),
            Err(_) => formatter.write_str("long ago"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_the_second() {
        assert_eq!(At(1_795_456_800_123).to_string(), "on 2026-11-23T18:00:00Z");
        assert_eq!(At(i64::MAX).to_string(), "long ago");
    }

    #[test]
    fn each_refusal_has_its_own_answer() {
        let caller = Caller::of_key(&"k1".parse().unwrap());
        let refusals = [
            AccessError::Missing {
                takes_tokens: false,
                has_token: false,
            },
            AccessError::Missing {
                takes_tokens: false,
                has_token: true,
            },
            AccessError::Missing {
                takes_tokens: true,
                has_token: false,
            },
            AccessError::Ambiguous("Send one."),
            AccessError::BadToken(TokenError::Expired),
            AccessError::UnknownKey,
            AccessError::ExpiredKey {
                caller: caller.clone(),
                at_ms: 0,
            },
            AccessError::RevokedKey {
                caller: caller.clone(),
                at_ms: 0,
            },
            AccessError::LacksScope {
                caller: caller.clone(),
                scope: Scope::IssueWrite,
            },
            AccessError::OverLimit {
                caller,
                limit: RateLimit::default(),
                retry_after_seconds: 7,
            },
            AccessError::Unavailable,
        ];
        let details: std::collections::BTreeSet<_> = refusals
            .iter()
            .map(|refusal| refusal.problem().detail)
            .collect();
        assert_eq!(details.len(), refusals.len());
        for refusal in refusals {
            let status = refusal.problem().status;
            // RFC 9110 §15.5.2.
            assert!(
                status != 401 || refusal.challenge().is_some(),
                "{refusal:?}"
            );
        }
    }
}
