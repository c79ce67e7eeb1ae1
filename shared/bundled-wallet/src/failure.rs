//! Why the bundled wallet did not do what it was asked for, in the words of the backend's ports.

use std::time::Duration;

use bestow_aws::CallError;
use bestow_issuance::ports::{TransientError, TransientKind, WalletError};

/// A call to AWS failed.
pub(crate) fn unavailable(fault: &CallError) -> WalletError {
    transient(
        TransientKind::Unavailable,
        format!("its table could not be used ({fault})"),
    )
}

/// Nothing is at fault: others write the same at the same time.
pub(crate) fn contended(what: &str) -> WalletError {
    transient(TransientKind::Busy, what.to_owned())
}

fn transient(kind: TransientKind, reason: String) -> WalletError {
    WalletError::Transient(TransientError {
        kind,
        retry_after: Some(Duration::from_secs(1)),
        reason,
    })
}
