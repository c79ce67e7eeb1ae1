//! Get issue status, on the wallet's side.

use bestow_contract::{IssueError, IssueStatus, Stage, Status};
use jiff::Timestamp;

use crate::offer::{MAXIMUM_TX_CODE_ATTEMPTS, Offer, OfferState, SETTLING, WalletReport};

impl Offer {
    /// What the backend is told. An issuance is complete once the credential is on its way to the wallet: many never
    /// report that they keep it. It has expired when neither the offer nor its token is of use any more.
    pub fn issue_status(&self, now: Timestamp) -> IssueStatus {
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
                if self.usable_until() + SETTLING <= now =>
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
        let changed_at = match stage {
            Stage::Expired => self.usable_until(),
            _ => self.changed_at,
        };
        IssueStatus {
            stage: Some(stage),
            template_id: Some(self.template_id.clone()),
            last_updated: Some(changed_at.as_millisecond()),
            error,
            ..IssueStatus::new(
                status,
                self.correlation_id.clone(),
                self.revocation_uuid.map(|uuid| uuid.uuid()),
            )
        }
    }
}
