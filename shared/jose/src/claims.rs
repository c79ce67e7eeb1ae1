//! The registered claims of a JWT (RFC 7519 §4.1).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// What the registered claims must say. The default only wants a JWT with `exp` or `nbf` to be used in its time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// `iss` must be this. `None`: not looked at.
    pub issuer: Option<&'a str>,
    /// Whom `aud` must name. `None`: not looked at.
    pub audience: Option<Audience<'a>>,
    /// Whether `exp` is required.
    pub must_expire: bool,
    /// For how long a JWT is accepted after its `exp`.
    pub late: Duration,
    /// For how long a JWT is accepted before its `nbf` and `iat`.
    pub early: Duration,
    /// `iat` is required and at most this far back. `None`: not looked at.
    pub max_age: Option<Duration>,
    /// Whether times must be integers. RFC 7519 §2 allows fractions.
    pub whole_seconds: bool,
}

/// Whom `aud` must name: this string, or an array with it.
#[derive(Debug, Clone, Copy)]
pub enum Audience<'a> {
    /// This one, maybe among others.
    Among(&'a str),
    /// This one and no other.
    Only(&'a str),
}

/// Why claims are refused. The messages repeat nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ClaimsError {
    #[error("the claim {0} must be a number of seconds")]
    Malformed(&'static str),
    #[error("the claim iss is not the expected one")]
    Issuer,
    #[error("the claim aud is not the expected one")]
    Audience,
    #[error("the claim exp is missing")]
    NoExpiry,
    #[error("it has expired: the claim exp lies in the past")]
    Expired,
    #[error("the claim nbf lies in the future")]
    NotYetValid,
    #[error("the claim iat is missing")]
    NoIssueTime,
    #[error("the claim iat lies in the future")]
    FromTheFuture,
    #[error("the claim iat lies too far back")]
    TooOld,
}

impl Expected<'_> {
    /// Compares the claims with what is expected.
    ///
    /// # Errors
    /// The first claim that does not fit, in the order of the fields above.
    pub fn check(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<(), ClaimsError> {
        if self.issuer.is_some() && claims.get("iss").and_then(Value::as_str) != self.issuer {
            return Err(ClaimsError::Issuer);
        }
        if let Some(audience) = self.audience
            && !claims.get("aud").is_some_and(|aud| audience.is_in(aud))
        {
            return Err(ClaimsError::Audience);
        }
        let expires_at = self.time(claims, "exp")?;
        let not_before = self.time(claims, "nbf")?;
        let issued_at = self.time(claims, "iat")?;
        if self.must_expire && expires_at.is_none() {
            return Err(ClaimsError::NoExpiry);
        }
        let now = now.as_duration().as_secs_f64();
        if expires_at.is_some_and(|at| at + self.late.as_secs_f64() <= now) {
            return Err(ClaimsError::Expired);
        }
        let latest = now + self.early.as_secs_f64();
        if not_before.is_some_and(|at| at > latest) {
            return Err(ClaimsError::NotYetValid);
        }
        if let Some(max_age) = self.max_age {
            let issued_at = issued_at.ok_or(ClaimsError::NoIssueTime)?;
            if issued_at > latest {
                return Err(ClaimsError::FromTheFuture);
            }
            if now - issued_at > max_age.as_secs_f64() {
                return Err(ClaimsError::TooOld);
            }
        }
        Ok(())
    }

    /// A `NumericDate` (RFC 7519 §2) in Unix seconds, of any size: the sender chooses it.
    fn time(
        &self,
        claims: &Map<String, Value>,
        name: &'static str,
    ) -> Result<Option<f64>, ClaimsError> {
        let Some(value) = claims.get(name) else {
            return Ok(None);
        };
        value
            .as_f64()
            .filter(|_| value.is_i64() || !self.whole_seconds)
            .map(Some)
            .ok_or(ClaimsError::Malformed(name))
    }
}

impl Audience<'_> {
    fn is_in(self, aud: &Value) -> bool {
        match (self, aud) {
            (Self::Among(expected) | Self::Only(expected), Value::String(aud)) => aud == expected,
            (Self::Among(expected), Value::Array(all)) => all.iter().any(|aud| aud == expected),
            (Self::Only(expected), Value::Array(all)) => {
                matches!(all.as_slice(), [aud] if aud == expected)
            }
            _ => false,
        }
    }
}
