//! An AWS call that failed.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

use crate::item::MalformedItemError;

/// A call to an AWS service that failed, after all attempts.
///
/// It prints the service's error code, or why there is no answer. The service's message is in [`Error::source`]: it
/// can repeat what was sent, so it is not for the log.
#[derive(Debug, Error)]
#[error("an AWS call failed: {reason}")]
pub struct CallError {
    reason: String,
    is_contention: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl CallError {
    /// The error of the SDK. (There is no `From`, because `?` would swallow failed conditions.)
    pub fn from_sdk<E, R>(fault: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        R: Debug + Send + Sync + 'static,
    {
        let reason = match &fault {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::DispatchFailure(_) => "the service could not be reached".to_owned(),
            SdkError::ResponseError(_) => "the answer could not be read".to_owned(),
            SdkError::ServiceError(answer) => {
                let code = answer.err().code();
                code.unwrap_or("an error without a code").to_owned()
            }
            _ => "the request could not be made".to_owned(),
        };
        Self {
            reason,
            is_contention: false,
            source: Box::new(fault),
        }
    }

    /// A write that conflicted with others at every attempt.
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

    /// Whether it was a write that conflicted with others for seconds. Nothing was written.
    pub fn is_contention(&self) -> bool {
        self.is_contention
    }

    /// An answer or an item without its form.
    pub fn unexpected(reason: &str) -> Self {
        Self {
            reason: reason.to_owned(),
            is_contention: false,
            source: reason.into(),
        }
    }

    /// A batch of which a service left out parts at every attempt.
    pub fn left_out() -> Self {
        Self::unexpected("parts of a batch were left out again and again")
    }
}

impl From<MalformedItemError> for CallError {
    fn from(MalformedItemError { attribute, reason }: MalformedItemError) -> Self {
        Self::unexpected(&format!("the attribute {attribute} of an item {reason}"))
    }
}
