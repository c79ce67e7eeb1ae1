//! Checking a Status List Token that was fetched.

use bestow_jose::jws::{Header, JwsError, Policy, Unverified};
use bestow_jose::{ClaimsError, Expected, PublicJwk};
use serde::Deserialize;
use serde_json::Value;

use crate::list::{ListError, StatusList};
use crate::status::{Status, UnknownStatusError};
use crate::token::{StatusListToken, TYPE};

/// Room for a list of 16 million entries of 2 bits that does not compress at all.
const MAX_TOKEN_BYTES: usize = 6 << 20;
/// How far ahead the publisher's clock may be.
const CLOCK_SKEW_SECONDS: f64 = 60.0;

/// Why a Status List Token, or what it says of a credential, cannot be relied on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusListError {
    /// The token is not a JWS that is accepted here, or its signature does not verify.
    #[error("the status list token is refused")]
    Jws(#[from] JwsError),
    /// A claim is absent or of the wrong type.
    #[error("the status list token's claims are malformed")]
    Claims(#[source] serde_json::Error),
    /// `sub` is not the URI that the credential names (§8.3).
    #[error("the status list token is for another list")]
    OtherList,
    /// It is used out of its time.
    #[error("the status list token is not valid now")]
    Times(#[from] ClaimsError),
    /// `ttl` is there and is not a positive number.
    #[error("the status list token's ttl must be positive")]
    Ttl,
    /// The list cannot be unpacked, or has no such entry.
    #[error(transparent)]
    List(#[from] ListError),
    /// The entry holds a value without a meaning.
    #[error(transparent)]
    Unknown(#[from] UnknownStatusError),
}

/// A Status List Token whose header is acceptable and whose signature has not been verified.
#[derive(Debug)]
pub struct UnverifiedStatusList<'a>(Unverified<'a>);

impl<'a> UnverifiedStatusList<'a> {
    /// Reads the token's header: `typ` must be [`TYPE`](crate::TYPE).
    pub fn read(token: &'a str) -> Result<Self, StatusListError> {
        let policy = Policy::es256(&[TYPE], MAX_TOKEN_BYTES);
        Ok(Self(Unverified::read(token, &policy)?))
    }

    /// The header, to choose the key by: `kid` in the issuer's JWK Set, or `x5c` after its path was
    /// validated. A key that only the header's `jwk` vouches for proves nothing.
    pub fn header(&self) -> &Header {
        self.0.header()
    }

    /// Verifies the signature and the claims (§8.3).
    ///
    /// `uri` is the one in the credential, `now_seconds` the present in Unix seconds.
    pub fn verify(
        self,
        key: &PublicJwk,
        uri: &str,
        now_seconds: i64,
    ) -> Result<VerifiedStatusList, StatusListError> {
        let claims = self.0.verify(key)?.claims;
        let expected = Expected {
            early_seconds: CLOCK_SKEW_SECONDS,
            max_age_seconds: Some(f64::INFINITY),
            whole_seconds: true,
            ..Expected::default()
        };
        let in_time = expected.check(&claims, now_seconds as f64);
        let token =
            StatusListToken::deserialize(Value::Object(claims)).map_err(StatusListError::Claims)?;
        if token.uri != uri {
            return Err(StatusListError::OtherList);
        }
        in_time?;
        if token.ttl_seconds == Some(0) {
            return Err(StatusListError::Ttl);
        }
        let list = StatusList::decode(&token.status_list)?;
        Ok(VerifiedStatusList { token, list })
    }
}

/// A Status List Token whose signature and claims have been verified.
#[derive(Debug, Clone)]
pub struct VerifiedStatusList {
    token: StatusListToken,
    list: StatusList,
}

impl VerifiedStatusList {
    /// The status of the credential with this index. An index outside of the list is an error,
    /// never "valid".
    pub fn status(&self, index: u64) -> Result<Status, StatusListError> {
        let value = self.list.get(index).ok_or(ListError::Index)?;
        Ok(Status::try_from(value)?)
    }

    /// Until when the token may be used without fetching it again, in Unix seconds: the earlier of
    /// `exp` and `iat + ttl`, the stricter of the two ways to count that §13.7 allows; `None` if it
    /// names neither.
    pub fn fresh_until_seconds(&self) -> Option<i64> {
        let ttl = self
            .token
            .ttl_seconds
            .map(|ttl| i64::try_from(ttl).unwrap_or(i64::MAX));
        let stale_at = ttl.map(|ttl| self.token.issued_at_seconds.saturating_add(ttl));
        match (stale_at, self.token.expires_at_seconds) {
            (Some(stale_at), Some(expires_at)) => Some(stale_at.min(expires_at)),
            (one, other) => one.or(other),
        }
    }

    /// The entries.
    pub fn list(&self) -> &StatusList {
        &self.list
    }
}
