//! `c_nonce`s (OpenID4VCI 1.0 §7). They are stateless: each carries its own time, sealed.

use jiff::fmt::serde::timestamp::second;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;
use crate::seal::Sealed;

/// For how long a `c_nonce` is accepted: long enough to unlock a key, short enough that a stolen proof is soon
/// worthless.
pub const NONCE_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// By how much the clocks of two instances of this issuer may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(30);

/// Answer of the nonce endpoint. Must not be cached (§7.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NonceResponse {
    /// The value to put into key proofs.
    pub c_nonce: String,
}

/// The content of a `c_nonce`.
#[derive(Serialize, Deserialize)]
struct CNonce {
    #[serde(rename = "i", with = "second::required")]
    issued_at: Timestamp,
    #[serde(rename = "r")]
    random: [u8; 8],
}

impl Sealed for CNonce {
    const PURPOSE: &'static str = "c_nonce";
}

impl Issuer {
    /// Answers the nonce endpoint. The only error is `server_error`.
    pub fn nonce(&self, now: Timestamp, random: [u8; 8]) -> Result<NonceResponse, ProtocolError> {
        let c_nonce = self.offers.keys.seal(&CNonce {
            issued_at: now,
            random,
        })?;
        Ok(NonceResponse { c_nonce })
    }

    /// Whether a `c_nonce` is ours and fresh.
    pub(crate) fn check_nonce(&self, c_nonce: &str, now: Timestamp) -> Result<(), ProtocolError> {
        let invalid = |why| ProtocolError::new(ErrorCode::InvalidNonce, why);
        let nonce: CNonce = self.offers.keys.open(c_nonce).map_err(|_| {
            invalid("the nonce was not issued here: ask the nonce endpoint for one")
        })?;
        let age = now.duration_since(nonce.issued_at);
        if (-CLOCK_SKEW..NONCE_LIFETIME).contains(&age) {
            Ok(())
        } else {
            Err(invalid(
                "the nonce has expired: ask the nonce endpoint for a new one",
            ))
        }
    }
}
