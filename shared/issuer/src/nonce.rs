//! `c_nonce`s (OpenID4VCI 1.0 §7). They are stateless: each carries its own time, sealed.

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;
use crate::seal::Sealed;

/// Seconds for which a `c_nonce` is taken. Long enough to unlock a key, short enough that a stolen
/// proof is soon worthless.
pub const NONCE_LIFETIME_SECONDS: i64 = 300;

/// Seconds by which the clocks of two instances of this issuer may differ.
const CLOCK_SKEW_SECONDS: i64 = 30;

/// A `c_nonce` as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedNonce {
    /// The value.
    pub c_nonce: String,
    /// Seconds that it lives.
    pub expires_in_seconds: i64,
}

/// Answer of the nonce endpoint. Must not be cached (§7.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NonceResponse {
    /// The value to put into key proofs.
    pub c_nonce: String,
}

/// The content of a `c_nonce`.
#[derive(Debug, Serialize, Deserialize)]
struct CNonce {
    #[serde(rename = "i")]
    issued_at_seconds: i64,
    #[serde(rename = "r")]
    random: [u8; 8],
}

impl Sealed for CNonce {
    const PURPOSE: &'static str = "c_nonce";
}

impl Issuer {
    /// Answers the nonce endpoint.
    ///
    /// # Errors
    /// `server_error` only.
    pub fn nonce(&self, now_seconds: i64, random: [u8; 8]) -> Result<NonceResponse, ProtocolError> {
        let IssuedNonce { c_nonce, .. } = self.issue_nonce(now_seconds, random)?;
        Ok(NonceResponse { c_nonce })
    }

    pub(crate) fn issue_nonce(
        &self,
        now_seconds: i64,
        random: [u8; 8],
    ) -> Result<IssuedNonce, ProtocolError> {
        let c_nonce = self.offers.keys.seal(&CNonce {
            issued_at_seconds: now_seconds,
            random,
        })?;
        Ok(IssuedNonce {
            c_nonce,
            expires_in_seconds: NONCE_LIFETIME_SECONDS,
        })
    }

    /// Whether a `c_nonce` is ours and fresh.
    pub(crate) fn check_nonce(&self, c_nonce: &str, now_seconds: i64) -> Result<(), ProtocolError> {
        let invalid = |why| ProtocolError::new(ErrorCode::InvalidNonce, why);
        let nonce: CNonce = self.offers.keys.open(c_nonce).map_err(|_| {
            invalid("the nonce was not issued here: ask the nonce endpoint for one")
        })?;
        let age_seconds = now_seconds.saturating_sub(nonce.issued_at_seconds);
        if (-CLOCK_SKEW_SECONDS..NONCE_LIFETIME_SECONDS).contains(&age_seconds) {
            Ok(())
        } else {
            Err(invalid(
                "the nonce has expired: ask the nonce endpoint for a new one",
            ))
        }
    }
}
