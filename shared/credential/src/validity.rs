//! From when until when a credential is valid, rounded so that it does not tell when it was issued.

use std::time::Duration;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// The times in a credential, which holds whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// `iat`: when the credential was issued.
    pub issued_at: Timestamp,
    /// `nbf`: from when it is valid.
    pub not_before: Option<Timestamp>,
    /// `exp`: from when it is no longer valid.
    pub expires_at: Option<Timestamp>,
}

impl Validity {
    /// Valid from now on, in whole days of UTC: `iat` and `nbf` are the present rounded down, and `exp` is a
    /// `lifetime` later, rounded up.
    ///
    /// A verifier that sees the exact second of an issuance can match it with others (RFC 9901 §10.1,
    /// OpenID4VCI 1.0 §15.4.1).
    pub fn rounded_to_days(now: Timestamp, lifetime: Duration) -> Self {
        let start = rounded(now, RoundMode::Floor);
        let end = start.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        Self {
            issued_at: start,
            not_before: Some(start),
            expires_at: Some(rounded(end, RoundMode::Ceil)),
        }
    }
}

fn rounded(time: Timestamp, mode: RoundMode) -> Timestamp {
    let day = TimestampRound::new().smallest(Unit::Hour).increment(24);
    // Only the last day that a `Timestamp` can hold has no end.
    time.round(day.mode(mode)).unwrap_or(time)
}
