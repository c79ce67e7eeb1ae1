//! Why a request is not let through, as a problem and as a challenge (RFC 9110 §11.6.1, RFC 6750 §3).

use axum::http::HeaderValue;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::Response;
use bestow_contract::{Problem, ProblemKind, Scope};
use bestow_runtime::http::problem_response;
use jiff::Timestamp;

use crate::bearer::TokenError;
use crate::cache::Unavailable;
use crate::guard::Caller;
use crate::rate_limit::RateLimit;

/// Why a request is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AccessError {
    /// No credentials that could be looked at.
    Missing { takes_tokens: bool, has_token: bool },
    /// More credentials than one, or more headers.
    Ambiguous(&'static str),
    /// An access token that is not accepted.
    BadToken(TokenError),
    /// A key that nobody gave out.
    UnknownKey,
    /// A key that expired.
    ExpiredKey { caller: Caller, at: Timestamp },
    /// A key that an operator ended.
    RevokedKey { caller: Caller, at: Timestamp },
    /// Good credentials that do not allow this.
    LacksScope { caller: Caller, scope: Scope },
    /// Good credentials, used more often than they may be.
    OverLimit {
        caller: Caller,
        limit: RateLimit,
        retry_after_seconds: u32,
    },
    /// Nobody can tell for now who the caller is.
    Unavailable,
}

impl From<TokenError> for AccessError {
    fn from(fault: TokenError) -> Self {
        Self::BadToken(fault)
    }
}

impl From<Unavailable> for AccessError {
    fn from(_: Unavailable) -> Self {
        Self::Unavailable
    }
}

impl AccessError {
    /// The answer, which is also logged: one line for each request that is not let through.
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
        let ended = |caller: &Caller, how, at: &Timestamp| {
            let name = caller.name();
            Problem::unauthorized(format!(
                "The API key {name} {how} on {at:.0}. Ask the operator for a new one."
            ))
        };
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
            Self::ExpiredKey { caller, at } => ended(caller, "expired", at),
            Self::RevokedKey { caller, at } => ended(caller, "was revoked", at),
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
                let scheme = match caller {
                    Caller::Client(_) => "Bearer",
                    Caller::Key(_) => "ApiKey",
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
            Self::Missing {
                takes_tokens: true, ..
            } => "Bearer, ApiKey".to_owned(),
            Self::Missing { .. } => "ApiKey".to_owned(),
            Self::Ambiguous(_) | Self::OverLimit { .. } | Self::Unavailable => return None,
        };
        HeaderValue::try_from(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_the_second() {
        let caller = Caller::Key("k1".to_owned());
        let at = Timestamp::from_millisecond(1_795_456_800_923).unwrap();
        let detail = AccessError::ExpiredKey { caller, at }.problem().detail;
        assert!(detail.contains(" on 2026-11-23T18:00:00Z. "), "{detail}");
    }

    #[test]
    fn each_refusal_has_its_own_answer() {
        let caller = Caller::Key("k1".to_owned());
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
            AccessError::BadToken(TokenError::NoClient),
            AccessError::UnknownKey,
            AccessError::ExpiredKey {
                caller: caller.clone(),
                at: Timestamp::UNIX_EPOCH,
            },
            AccessError::RevokedKey {
                caller: caller.clone(),
                at: Timestamp::UNIX_EPOCH,
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
