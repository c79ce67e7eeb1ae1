//! How a record changes: a record, an observation and the time give a new record, or nothing.
//!
//! Three rules hold for every transition. An ended issuance stays as it is. Status and stage only go
//! forwards, and a `revocation_uuid` never changes once it is known. `sequence` grows by exactly one
//! when readers can see a difference, and stays when they cannot.

use contract::{IssueError, IssueStatus, Stage, Status};

use crate::record::{DEFAULT_OFFER_LIFE_SECONDS, Offer, Record, State};

/// The longest text of a wallet that is recorded, in characters.
const MAX_TEXT_CHARS: usize = 500;

impl Record {
    /// The record once its wallet has answered Start issue with `offer`.
    pub fn offered(&self, offer: &Offer, now_ms: i64) -> Option<Self> {
        let state = match &self.state {
            State::Reserved { .. } => State::Offered {
                offer: offer.clone(),
                stage: Stage::OfferCreated,
                wallet_status: Status::IssueRequestCreated,
            },
            State::Offered {
                offer: known,
                stage,
                wallet_status,
            } => State::Offered {
                offer: known.completed_by(offer),
                stage: stage.clone(),
                wallet_status: wallet_status.clone(),
            },
            State::Completed { .. } | State::Failed { .. } => return None,
        };
        self.with_state(state, now_ms)
    }

    /// The record once its wallet has answered Get issue status with `report`. A reservation becomes
    /// an offer by it: the wallet knows the issuance, so its answer to Start issue was lost.
    pub fn observed(&self, report: &IssueStatus, now_ms: i64) -> Option<Self> {
        let (mut offer, stage) = match &self.state {
            State::Reserved { .. } => (self.unanswered_offer(), Stage::OfferCreated),
            State::Offered { offer, stage, .. } => (offer.clone(), stage.clone()),
            State::Completed { .. } | State::Failed { .. } => return None,
        };
        offer.revocation_uuid = offer.revocation_uuid.or(report.revocation_uuid);
        let reported = report.stage.clone();
        let state = match &report.status {
            Status::IssueCompleted => State::Completed {
                offer,
                stage: reported
                    .filter(ends_well)
                    .unwrap_or(Stage::CredentialIssued),
            },
            Status::Error => State::Failed {
                offer: Some(offer),
                stage: reported.filter(ends_badly).unwrap_or(Stage::Failed),
                error: wallets_error(report.error.as_ref()),
            },
            pending => State::Offered {
                offer,
                stage: later(stage, reported),
                wallet_status: Status::from(printable(pending.as_str())),
            },
        };
        self.with_state(state, now_ms)
    }

    /// The record of an issuance that ends without a credential, for a reason that the wallet did not
    /// give.
    pub fn failed(&self, stage: Stage, error: IssueError, now_ms: i64) -> Option<Self> {
        if self.is_ended() {
            return None;
        }
        let state = State::Failed {
            offer: self.offer().cloned(),
            stage,
            error,
        };
        self.with_state(state, now_ms)
    }

    /// The record of a reservation whose owner has given up: anyone may try again at once.
    pub fn lease_given_up(&self) -> Option<Self> {
        let given_up = State::Reserved { lease_until_ms: 0 };
        match self.state {
            State::Reserved {
                lease_until_ms: 1..,
            } => Some(Self {
                state: given_up,
                ..self.clone()
            }),
            _ => None,
        }
    }

    /// The record after the poll message with number `attempt` was dealt with: that message, and any
    /// before it, is stale from here on.
    pub fn asked(self, attempt: u32, now_ms: i64) -> Self {
        Self {
            attempt: self.attempt.max(attempt.saturating_add(1)),
            asked_at_ms: self.asked_at_ms.max(now_ms),
            ..self
        }
    }

    fn with_state(&self, state: State, now_ms: i64) -> Option<Self> {
        let mut after = Self {
            state,
            ..self.clone()
        };
        if after.view() != self.view() {
            after.sequence = self.sequence.saturating_add(1);
            after.last_updated_ms = self.last_updated_ms.max(now_ms);
        }
        (after != *self).then_some(after)
    }

    fn unanswered_offer(&self) -> Offer {
        let reserved_at = self.reserved_at_ms.div_euclid(1_000);
        Offer {
            request_uri: None,
            revocation_uuid: None,
            expires_at: reserved_at.saturating_add(DEFAULT_OFFER_LIFE_SECONDS),
        }
    }
}

impl Offer {
    /// What is known already, with what `answer` adds to it. Only an answer says when an offer whose
    /// first answer was lost expires.
    fn completed_by(&self, answer: &Self) -> Self {
        let first_answer = self.request_uri.is_none() && answer.request_uri.is_some();
        Self {
            request_uri: self
                .request_uri
                .clone()
                .or_else(|| answer.request_uri.clone()),
            revocation_uuid: self.revocation_uuid.or(answer.revocation_uuid),
            expires_at: if first_answer {
                answer.expires_at
            } else {
                self.expires_at
            },
        }
    }
}

fn later(known: Stage, reported: Option<Stage>) -> Stage {
    match reported {
        Some(reported) if progress(&reported) > progress(&known) => reported,
        _ => known,
    }
}

/// How far along a stage of a pending issuance is. A stage that is not in the contract, and one that
/// contradicts a pending status, is never progress.
fn progress(stage: &Stage) -> u8 {
    match stage {
        Stage::OfferCreated => 1,
        Stage::OfferRetrieved => 2,
        Stage::TokenIssued => 3,
        Stage::CredentialIssued => 4,
        _ => 0,
    }
}

fn ends_well(stage: &Stage) -> bool {
    matches!(
        stage,
        Stage::CredentialIssued | Stage::Accepted | Stage::Declined | Stage::Deleted
    )
}

fn ends_badly(stage: &Stage) -> bool {
    matches!(
        stage,
        Stage::Failed | Stage::Expired | Stage::Declined | Stage::Deleted
    )
}

fn wallets_error(reported: Option<&IssueError>) -> IssueError {
    match reported {
        Some(error) => IssueError::new(printable(&error.code), printable(&error.message)),
        None => IssueError::new(
            IssueError::WALLET_ERROR,
            "The wallet reported an error without a reason.",
        ),
    }
}

/// A wallet's text as it is recorded: without control characters, and cut.
fn printable(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .take(MAX_TEXT_CHARS)
        .collect()
}
