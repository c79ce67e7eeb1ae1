//! Messages about a credential: its status is looked at, so that a change of it is announced even if whoever
//! made it died.

use aws_lambda_events::sqs::SqsMessage;
use bestow_issuance::Checked;
use bestow_issuance::ports::CredentialCheck;
use bestow_runtime::RecordOutcome;
use bestow_runtime::metrics::{self, Measure};
use bestow_wallets::CredentialStatuses;

/// The check that a message asks for, if it is one about a credential.
pub(crate) fn read(record: &SqsMessage) -> Option<CredentialCheck> {
    serde_json::from_str(record.body.as_deref()?).ok()
}

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
            published_after_ms,
        }) => {
            if let Some(took_ms) = published_after_ms {
                metrics::measure(Measure::RevocationToPublication, took_ms as f64);
            }
            tracing::info!(%revocation_uuid, check, ?noted, "a credential's status was looked at");
        }
        Ok(Checked::Unknown) => {
            tracing::info!(%revocation_uuid, check, "the wallet knows no credential whose status was to be looked at");
        }
        Ok(Checked::Refused { status }) => {
            tracing::warn!(%revocation_uuid, check, status, "the wallet refuses to tell a credential's status");
        }
        Ok(Checked::Later { after_seconds }) => {
            tracing::warn!(%revocation_uuid, check, after_seconds, "a credential's status is not to be had yet and is looked at again");
        }
        Err(fault) => {
            tracing::error!(%revocation_uuid, check, %fault, "a credential's status could not be looked at");
            return RecordOutcome::Retry;
        }
    }
    RecordOutcome::Done
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_check_names_a_credential() {
        let read = |body: &str| {
            let message = serde_json::json!({"messageId": "1", "body": body});
            super::read(&serde_json::from_value(message).unwrap())
        };
        let uuid = "0e2c1f62-3392-462e-a25e-483fa0e2a3a3";
        let first = read(&format!(r#"{{"revocation_uuid": "{uuid}"}}"#)).unwrap();
        assert_eq!(
            (first.revocation_uuid.to_string().as_str(), first.check),
            (uuid, 0)
        );
        for body in [
            "",
            "{}",
            r#"{"revocation_uuid": "x"}"#,
            r#"{"correlation_id": "a", "attempt": 0}"#,
        ] {
            assert_eq!(read(body), None, "{body}");
        }
    }
}
