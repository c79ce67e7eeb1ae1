//! Access tokens (RFC 6750): sealed, opaque to the wallet, of use for one offer.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::second;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;
use crate::offer::OfferId;
use crate::seal::Sealed;

/// For how long a token lives: the most for one that is not bound to a key (OpenID4VCI 1.0 §13.10).
pub const TOKEN_LIFETIME: Duration = Duration::from_mins(5);

/// The content of an access token that was opened, so it is genuine.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    #[serde(rename = "o")]
    pub(crate) offer_id: OfferId,
    #[serde(rename = "c", with = "second::required")]
    pub(crate) created_at: Timestamp,
    #[serde(rename = "i")]
    pub(crate) token_id: String,
    #[serde(rename = "e", with = "second::required")]
    pub(crate) expires_at: Timestamp,
    #[serde(rename = "t")]
    pub(crate) template_id: String,
    /// Whether `credential_identifiers` were returned with it, which must be used then.
    #[serde(rename = "d")]
    pub(crate) has_identifiers: bool,
}

impl Sealed for AccessToken {
    const PURPOSE: &'static str = "access token";
}

impl AccessToken {
    /// The one Credential Dataset that the token is for (OpenID4VCI 1.0 §3.3.4).
    pub(crate) fn credential_identifier(&self) -> &str {
        self.offer_id.as_str()
    }
}

impl Issuer {
    /// Opens the token of a request from its `Authorization` header: it is genuine and in time. Whether it is still
    /// the offer's own, the conditional write finds out.
    ///
    /// # Errors
    /// 401, without a code if there is no bearer token at all (RFC 6750 §3.1).
    pub fn authorize(
        &self,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<AccessToken, ProtocolError> {
        let (scheme, token) = authorization
            .and_then(|header| header.trim().split_once(' '))
            .unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ProtocolError::new(
                ErrorCode::MissingToken,
                "send the access token as Authorization: Bearer",
            ));
        }
        let token: AccessToken = self.offers.keys.open(token.trim()).map_err(|_| {
            ProtocolError::new(
                ErrorCode::InvalidToken,
                "the access token was not issued here",
            )
        })?;
        if token.expires_at <= now {
            return Err(ProtocolError::new(
                ErrorCode::InvalidToken,
                "the access token has expired",
            ));
        }
        Ok(token)
    }
}
