//! The registered claims of a JWT (RFC 7519 §4.1).

use serde_json::{Map, Value};

/// What the registered claims must say at one place. The default expects no more of them than that
/// a JWT with `exp` or `nbf` is used in its time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// `iss` must be there and be this. If `None`, it is not looked at.
    pub issuer: Option<&'a str>,
    /// Whom `aud` must name. If `None`, it is not looked at.
    pub audience: Option<Audience<'a>>,
    /// Whether `exp` must be there.
    pub must_expire: bool,
    /// Seconds that a JWT is taken beyond its `exp`.
    pub late_seconds: f64,
    /// Seconds that a JWT is taken before its `nbf` and `iat`.
    pub early_seconds: f64,
    /// `iat` must be there and lie no more seconds back than this. If `None`, it is not looked at.
    pub max_age_seconds: Option<f64>,
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
pub enum ClaimsError {
    /// `exp`, `nbf` or `iat` is not a number of seconds.
    #[error("the claim {0} must be a number of seconds")]
    Malformed(&'static str),
    /// `iss` is absent or names another issuer.
    #[error("the claim iss is not the expected one")]
    Issuer,
    /// `aud` is absent or names another audience.
    #[error("the claim aud is not the expected one")]
    Audience,
    /// `exp` is absent.
    #[error("the claim exp is missing")]
    NoExpiry,
    /// `exp` has passed.
    #[error("it has expired: the claim exp lies in the past")]
    Expired,
    /// `nbf` lies in the future.
    #[error("the claim nbf lies in the future")]
    NotYetValid,
    /// `iat` is absent.
    #[error("the claim iat is missing")]
    NoIssueTime,
    /// `iat` lies in the future.
    #[error("the claim iat lies in the future")]
    FromTheFuture,
    /// `iat` lies too far back.
    #[error("the claim iat lies too far back")]
    TooOld,
}

impl Expected<'_> {
    /// Compares the claims with what is expected, at `now` in Unix seconds.
    ///
    /// # Errors
    /// The first claim that does not fit, in the order of the fields above.
    pub fn check(&self, claims: &Map<String, Value>, now: f64) -> Result<(), ClaimsError> {
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
        if expires_at.is_some_and(|at| at + self.late_seconds <= now) {
            return Err(ClaimsError::Expired);
        }
        let earliest = now + self.early_seconds;
        if not_before.is_some_and(|at| at > earliest) {
            return Err(ClaimsError::NotYetValid);
        }
        if let Some(max_age_seconds) = self.max_age_seconds {
            let issued_at = issued_at.ok_or(ClaimsError::NoIssueTime)?;
            if issued_at > earliest {
                return Err(ClaimsError::FromTheFuture);
            }
            if now - issued_at > max_age_seconds {
                return Err(ClaimsError::TooOld);
            }
        }
        Ok(())
    }

    /// A `NumericDate` (RFC 7519 §2) in Unix seconds, if the claim is there.
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
