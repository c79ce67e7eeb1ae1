//! Get issue status, on the wallet's side.

use bestow_contract::{IssueError, IssueStatus, Problem, Stage, Status};

use crate::offer::{MAXIMUM_TX_CODE_ATTEMPTS, Offer, OfferState, SETTLING_SECONDS, WalletReport};

impl Offer {
    /// What the backend is told at `now_seconds`.
    ///
    /// An issuance is complete once the credential is signed and on its way to the wallet: many wallets
    /// never report that they keep it. It has expired when neither the offer nor its token is of use any more.
    #[must_use]
    pub fn issue_status(&self, now_seconds: i64) -> IssueStatus {
        let pending = |stage| (Status::IssueRequestCreated, stage, None);
        let (status, stage, error) = match &self.state {
            OfferState::TxCodeExhausted => (
                Status::Error,
                Stage::Failed,
                Some(IssueError::new(
                    "tx_code_attempts_exhausted",
                    format!("The transaction code was wrong {MAXIMUM_TX_CODE_ATTEMPTS} times."),
                )),
            ),
            OfferState::CredentialIssued(issued) => {
                let stage = match issued.report {
                    None => Stage::CredentialIssued,
                    Some(WalletReport::Accepted) => Stage::Accepted,
                    Some(WalletReport::Declined) => Stage::Declined,
                    Some(WalletReport::Deleted) => Stage::Deleted,
                };
                (Status::IssueCompleted, stage, None)
            }
            OfferState::Created | OfferState::Retrieved | OfferState::TokenIssued(_)
                if self.of_use_until_seconds() + SETTLING_SECONDS <= now_seconds =>
            {
                (
                    Status::Error,
                    Stage::Expired,
                    Some(IssueError::new(
                        "expired",
                        "The offer ran out before the credential was taken.",
                    )),
                )
            }
            OfferState::Created => pending(Stage::OfferCreated),
            OfferState::Retrieved => pending(Stage::OfferRetrieved),
            OfferState::TokenIssued(_) => pending(Stage::TokenIssued),
        };
        let changed_at_seconds = match stage {
            Stage::Expired => self.of_use_until_seconds(),
            _ => self.changed_at_seconds,
        };
        IssueStatus {
            stage: Some(stage),
            template_id: Some(self.template_id.clone()),
            last_updated: Some(changed_at_seconds.saturating_mul(1000)),
            error,
            ..IssueStatus::new(
                status,
                self.correlation_id.clone(),
                self.revocation_uuid.map(Into::into),
            )
        }
    }
}

/// 404 for a correlation id that the wallet does not know.
#[must_use]
pub fn unknown_issuance() -> Problem {
    Problem::not_found("There is no issuance with this correlation_id.")
}
