//! The published Status List Token.

use bestow_contract::CredentialStatus;
use bestow_signing::SignError;
use bestow_status_list::{Bits, ListError, Status, StatusList, StatusListToken};

use crate::issuer::Issuer;
use crate::revocation::{LIST_CAPACITY, ListNumber};

/// Seconds after its signature for which a verifier may keep a list: how late it may learn of a
/// revocation.
pub const LIST_TTL_SECONDS: i64 = 300;

/// Seconds for which a signed list can be relied upon, if no newer one can be fetched.
const LIST_LIFETIME_SECONDS: i64 = 24 * 60 * 60;

/// Why a list could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// An entry is not on the list, or the list could not be compressed.
    #[error("the status list could not be encoded: {0}")]
    Encode(#[from] ListError),
    /// No signature.
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
        now_seconds: i64,
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
            issued_at_seconds: now_seconds,
            expires_at_seconds: Some(now_seconds + LIST_LIFETIME_SECONDS),
            ttl_seconds: Some(LIST_TTL_SECONDS.unsigned_abs()),
            status_list: statuses.encode()?,
        };
        Ok(token.sign(&self.signing).await?)
    }
}
