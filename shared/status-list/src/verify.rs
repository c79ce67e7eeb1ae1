//! Checking a Status List Token that was fetched.

use std::time::Duration;

use bestow_jose::jws::{Header, JwsError, Policy, Unverified};
use bestow_jose::{ClaimsError, Expected, PublicJwk};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::list::{ListError, StatusList};
use crate::status::{Status, UnknownStatusError};
use crate::token::{StatusListToken, TYPE};

/// Room for a list of 16 million entries of 2 bits that does not compress at all.
const MAX_TOKEN_BYTES: usize = 6 << 20;
/// How far ahead the publisher's clock may be.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// Why a Status List Token, or what it says of a credential, cannot be relied on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum StatusListError {
    #[error("the status list token is refused")]
    Jws(#[from] JwsError),
    #[error("the status list token's claims are malformed")]
    Claims(#[source] serde_json::Error),
    /// `sub` is not the URI that the credential names (§8.3).
    #[error("the status list token is for another list")]
    OtherList,
    #[error("the status list token is not valid now")]
    Times(#[from] ClaimsError),
    #[error("the status list token's ttl must be positive")]
    Ttl,
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Unknown(#[from] UnknownStatusError),
}

/// A Status List Token whose header is acceptable and whose signature has not been verified.
#[derive(Debug)]
pub struct UnverifiedStatusList<'a>(Unverified<'a>);

impl<'a> UnverifiedStatusList<'a> {
    /// Reads the token's header.
    pub fn read(token: &'a str) -> Result<Self, StatusListError> {
        let policy = Policy::es256(&[TYPE], MAX_TOKEN_BYTES);
        Ok(Self(Unverified::read(token, &policy)?))
    }

    /// The header, to choose the key by: `kid` in the issuer's JWK Set, or `x5c` after its path was
    /// validated. A key that only the header's `jwk` vouches for proves nothing.
    pub fn header(&self) -> &Header {
        self.0.header()
    }

    /// Verifies the signature and the claims (§8.3). `uri` is the one in the credential.
    pub fn verify(
        self,
        key: &PublicJwk,
        uri: &str,
        now: Timestamp,
    ) -> Result<StatusList, StatusListError> {
        let claims = self.0.verify(key)?.claims;
        let expected = Expected {
            early: CLOCK_SKEW,
            max_age: Some(Duration::MAX),
            whole_seconds: true,
            ..Expected::default()
        };
        let in_time = expected.check(&claims, now);
        let token =
            StatusListToken::deserialize(Value::Object(claims)).map_err(StatusListError::Claims)?;
        if token.uri != uri {
            return Err(StatusListError::OtherList);
        }
        in_time?;
        if token.ttl_seconds == Some(0) {
            return Err(StatusListError::Ttl);
        }
        Ok(StatusList::decode(&token.status_list)?)
    }
}

impl StatusList {
    /// The status of the credential with this index. An index outside of the list is an error, never "valid".
    pub fn status(&self, index: u64) -> Result<Status, StatusListError> {
        let value = self.get(index).ok_or(ListError::Index)?;
        Ok(Status::try_from(value)?)
    }
}
