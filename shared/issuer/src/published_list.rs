//! The published Status List Token.

use bestow_contract::CredentialStatus;
use bestow_signing::SignError;
use bestow_status_list::{Bits, ListError, Status, StatusList, StatusListToken};
use jiff::{SignedDuration, Timestamp};

use crate::issuer::Issuer;
use crate::revocation::{LIST_CAPACITY, ListNumber};

/// For how long after its signature a verifier may keep a list: how late it may learn of a revocation.
pub const LIST_TTL: SignedDuration = SignedDuration::from_mins(5);

/// For how long a signed list can be relied upon, if no newer one can be fetched.
const LIST_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Why a list could not be published.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum PublishError {
    #[error("the status list could not be encoded: {0}")]
    Encode(#[from] ListError),
    #[error("the status list could not be signed: {0}")]
    Sign(#[from] SignError),
}

impl Issuer {
    /// The list as it is to be served: a Status List Token in JWT form (Token Status List §5.1), with
    /// 2 bits for each of [`LIST_CAPACITY`] credentials. `entries` are the indices that were ever
    /// changed, with their status; all others are valid.
    ///
    /// # Errors
    /// An index beyond the list, or no signature.
    pub async fn status_list_token(
        &self,
        list: ListNumber,
        entries: &[(u32, CredentialStatus)],
        now: Timestamp,
    ) -> Result<String, PublishError> {
        let mut statuses = StatusList::new(Bits::Two, LIST_CAPACITY as usize);
        for (index, status) in entries {
            let status = match status {
                CredentialStatus::Valid => Status::Valid,
                CredentialStatus::Suspended => Status::Suspended,
                CredentialStatus::Revoked => Status::Invalid,
            };
            statuses.set(u64::from(*index), status)?;
        }
        let token = StatusListToken {
            uri: self.identifier().status_list_url(list),
            issued_at: now,
            expires_at: Some(now + LIST_LIFETIME),
            ttl_seconds: Some(LIST_TTL.unsigned_abs().as_secs()),
            status_list: statuses.encode()?,
        };
        Ok(token.sign(&self.signing).await?)
    }
}
