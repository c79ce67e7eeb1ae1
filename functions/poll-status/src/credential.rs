//! Messages about a credential: its status is looked at, so that a change of it is announced even if the process that
//! made it died.

use bestow_issuance::Checked;
use bestow_issuance::ports::CredentialCheck;
use bestow_runtime::RecordOutcome;
use bestow_runtime::metrics::{self, Measure};
use bestow_wallets::CredentialStatuses;

/// Deals with a check.
pub(crate) async fn check(
    use_case: &CredentialStatuses,
    message: &CredentialCheck,
) -> RecordOutcome {
    let CredentialCheck {
        revocation_uuid,
        check,
        ..
    } = message;
    match use_case.check(message).await {
        Ok(Checked::Noted {
            noted,
            published_after,
        }) => {
            if let Some(took) = published_after {
                metrics::measure(Measure::RevocationToPublication, took.as_millis() as f64);
            }
            tracing::info!(%revocation_uuid, check, ?noted, "a credential's status was looked at");
        }
        Ok(Checked::Unknown) => {
            tracing::info!(%revocation_uuid, check, "the wallet knows no credential whose status was to be looked at");
        }
        Ok(Checked::Refused { status }) => {
            tracing::warn!(%revocation_uuid, check, status, "the wallet refuses to tell a credential's status");
        }
        Ok(Checked::Later { after }) => {
            let after_seconds = after.as_secs();
            tracing::warn!(%revocation_uuid, check, after_seconds, "a credential's status is not to be had yet and is looked at again");
        }
        Err(fault) => {
            tracing::error!(%revocation_uuid, check, %fault, "a credential's status could not be looked at");
            return RecordOutcome::Retry;
        }
    }
    RecordOutcome::Done
}
