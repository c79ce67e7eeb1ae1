//! An AWS call that failed.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

use crate::item::MalformedItemError;

/// A call to an AWS service that failed for good: the SDK has already tried again where that could help.
///
/// It prints the service's error code, or what kept the call from being answered. The service's message
/// is in [`Error::source`]: it can repeat what was sent, so it is not for the log.
#[derive(Debug, Error)]
#[error("an AWS call failed: {reason}")]
pub struct CallError {
    reason: String,
    is_contention: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl CallError {
    /// Keeps what the SDK tells about a failure. (No `From`: `?` would also swallow the conditions that
    /// a caller must look at first.)
    pub fn from_sdk<E, R>(fault: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: Debug + Send + Sync + 'static,
    {
        let reason = match &fault {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::DispatchFailure(_) => "the service could not be reached".to_owned(),
            SdkError::ResponseError(_) => "the answer could not be read".to_owned(),
            SdkError::ServiceError(answer) => answer
                .err()
                .code()
                .unwrap_or("an error without a code")
                .to_owned(),
            _ => "the request could not be made".to_owned(),
        };
        Self {
            reason,
            is_contention: false,
            source: Box::new(fault),
        }
    }

    /// A write that others of the same items were in the way of, again and again.
    pub(crate) fn contention<E, R>(fault: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: Debug + Send + Sync + 'static,
    {
        Self {
            is_contention: true,
            ..Self::from_sdk(fault)
        }
    }

    /// Whether it was a write that others of the same items were in the way of for seconds. Nothing was written.
    pub fn is_contention(&self) -> bool {
        self.is_contention
    }

    /// An answer that lacks what the service promises, or an item that is not what we write.
    pub fn unexpected(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            is_contention: false,
            source: reason.into(),
        }
    }

    /// A batch of which a service left out parts again and again.
    pub fn left_out() -> Self {
        Self::unexpected("parts of a batch were left out again and again")
    }
}

impl From<MalformedItemError> for CallError {
    fn from(MalformedItemError { attribute, reason }: MalformedItemError) -> Self {
        Self::unexpected(&format!("the attribute {attribute} of an item {reason}"))
    }
}
