//! From when until when a credential is valid, rounded so that it does not tell when it was issued.

const DAY_SECONDS: i64 = 86_400;

/// The times in a credential, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// `iat`: when the credential was issued.
    pub issued_at_seconds: i64,
    /// `nbf`: from when it is valid.
    pub not_before_seconds: Option<i64>,
    /// `exp`: from when it is no longer valid.
    pub expires_at_seconds: Option<i64>,
}

impl Validity {
    /// Valid from now on, in whole days of UTC: `iat` and `nbf` are the present rounded down, and
    /// `exp`, if there is a lifetime, is that much later, rounded up. All times are Unix seconds.
    ///
    /// A verifier that sees the exact second of an issuance can match it with others (RFC 9901 §10.1,
    /// OpenID4VCI 1.0 §15.4.1).
    ///
    /// ```
    /// use credential::Validity;
    ///
    /// let validity = Validity::rounded_to_days(1_767_229_567, Some(90 * 86_400));
    /// assert_eq!(validity.issued_at_seconds, 1_767_225_600);
    /// assert_eq!(validity.expires_at_seconds, Some(1_767_225_600 + 90 * 86_400));
    /// ```
    pub fn rounded_to_days(now_seconds: i64, lifetime_seconds: Option<u64>) -> Self {
        let start = now_seconds.saturating_sub(now_seconds.rem_euclid(DAY_SECONDS));
        let end = lifetime_seconds.map(|lifetime| {
            let end = start.saturating_add_unsigned(lifetime);
            match end.rem_euclid(DAY_SECONDS) {
                0 => end,
                past => end.saturating_add(DAY_SECONDS - past),
            }
        });
        Self {
            issued_at_seconds: start,
            not_before_seconds: Some(start),
            expires_at_seconds: end,
        }
    }
}
