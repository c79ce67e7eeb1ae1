//! How a record changes: a record, an observation and the time give a new record, or `None` if nothing changes.
//!
//! Three rules hold for every transition. An ended issuance stays as it is, except that a completed one takes on a later
//! stage once its wallet tells what became of the credential. Status and stage only go forwards, and a
//! `revocation_uuid` never changes once it is known. `sequence` grows by exactly one when readers can see a difference,
//! and stays when they cannot.

use bestow_contract::{IssueError, IssueStatus, Stage, StartIssueAnswer, Status};
use jiff::Timestamp;

use crate::record::{LONGEST_OFFER_LIFE, Offer, Record, State};

/// The longest name for a status or an error that is recorded of what a wallet sent, in characters.
const MAX_NAME_CHARS: usize = 64;

impl Record {
    /// What the wallet's `answer` to Start issue offers. An end before the issuance was reserved counts as none: such a
    /// wallet means something else than Unix seconds.
    pub(crate) fn answered_offer(&self, answer: &StartIssueAnswer) -> Offer {
        let latest = (self.reserved_at + LONGEST_OFFER_LIFE).as_second();
        let expires_at = answer
            .expires_at
            .map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX).min(latest))
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .filter(|expires_at| *expires_at > self.reserved_at);
        Offer {
            // A transaction code is not stored, so a repeat has to ask the wallet again.
            request_uri: answer.tx_code.is_none().then(|| answer.request_uri.clone()),
            revocation_uuid: answer.revocation_uuid,
            expires_at,
        }
    }

    /// The record once its wallet has answered Start issue with `offer`.
    pub fn offered(&self, offer: &Offer, now: Timestamp) -> Option<Self> {
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
        self.with_state(state, now)
    }

    /// The record once its wallet has answered Get issue status with `report`. A reservation becomes an offer by it:
    /// the wallet knows the issuance, so its answer to Start issue was lost.
    pub fn observed(&self, report: &IssueStatus, now: Timestamp) -> Option<Self> {
        let (mut offer, stage) = match &self.state {
            State::Reserved { .. } => (Offer::default(), Stage::OfferCreated),
            State::Offered { offer, stage, .. } => (offer.clone(), stage.clone()),
            // Only the stage can change: the wallet tells what became of the credential.
            State::Completed {
                offer,
                stage: known,
            } => {
                let stage = report.stage.clone().filter(|stage| {
                    report.status == Status::IssueCompleted && is_later(&COMPLETED, stage, known)
                })?;
                let offer = offer.clone();
                return self.with_state(State::Completed { offer, stage }, now);
            }
            State::Failed { .. } => return None,
        };
        offer.revocation_uuid = offer.revocation_uuid.or(report.revocation_uuid);
        let reported = report.stage.clone();
        let state = match &report.status {
            Status::IssueCompleted => State::Completed {
                offer,
                stage: reported
                    .filter(|stage| COMPLETED.contains(stage))
                    .unwrap_or(Stage::CredentialIssued),
            },
            Status::Error => {
                let stage = reported.filter(ends_badly).unwrap_or(Stage::Failed);
                let error = wallets_error(report.error.as_ref(), &stage);
                State::Failed {
                    offer,
                    stage,
                    error,
                }
            }
            pending => State::Offered {
                offer,
                stage: reported
                    .filter(|reported| is_later(&PENDING, reported, &stage))
                    .unwrap_or(stage),
                wallet_status: Status::from(short_name(pending.as_str()).as_str()),
            },
        };
        self.with_state(state, now)
    }

    /// The record of an offer that ends without a credential, for a reason that the wallet did not give.
    pub fn failed(&self, stage: Stage, error: IssueError, now: Timestamp) -> Option<Self> {
        let State::Offered { offer, .. } = &self.state else {
            return None;
        };
        let state = State::Failed {
            offer: offer.clone(),
            stage,
            error,
        };
        self.with_state(state, now)
    }

    /// The record after the poll message with number `attempt` was dealt with: it and any before it are stale from
    /// here on.
    pub fn polled(self, attempt: u32) -> Self {
        Self {
            attempt: self.attempt.max(attempt.saturating_add(1)),
            ..self
        }
    }

    fn with_state(&self, state: State, now: Timestamp) -> Option<Self> {
        let mut after = Self {
            state,
            ..self.clone()
        };
        if after.view() != self.view() {
            after.sequence = self.sequence.saturating_add(1);
            after.last_updated = self.last_updated.max(now);
        }
        (after != *self).then_some(after)
    }
}

impl Offer {
    /// Whether `answer` is another offer than the known one.
    pub(crate) fn contradicts(&self, answer: &Self) -> bool {
        fn differ<T: PartialEq>(known: &Option<T>, answered: &Option<T>) -> bool {
            known.is_some() && answered.is_some() && known != answered
        }
        differ(&self.request_uri, &answer.request_uri)
            || differ(&self.revocation_uuid, &answer.revocation_uuid)
            || differ(&self.expires_at, &answer.expires_at)
    }

    /// What is known already, with what `answer` adds to it, if the first answer was lost.
    fn completed_by(&self, answer: &Self) -> Self {
        Self {
            request_uri: self
                .request_uri
                .clone()
                .or_else(|| answer.request_uri.clone()),
            revocation_uuid: self.revocation_uuid.or(answer.revocation_uuid),
            expires_at: self.expires_at.or(answer.expires_at),
        }
    }
}

/// The stages of a pending issuance, in their order.
const PENDING: [Stage; 4] = [
    Stage::OfferCreated,
    Stage::OfferRetrieved,
    Stage::TokenIssued,
    Stage::CredentialIssued,
];

/// The stages of a completed issuance, in their order: a credential that was declined can be taken in a second try, and
/// one that was accepted be deleted.
const COMPLETED: [Stage; 4] = [
    Stage::CredentialIssued,
    Stage::Declined,
    Stage::Accepted,
    Stage::Deleted,
];

/// Whether `stage` comes after `known` in `order`. A stage that is not in it is no progress.
fn is_later(order: &[Stage], stage: &Stage, known: &Stage) -> bool {
    let place = |stage| order.iter().position(|one| one == stage);
    place(stage) > place(known)
}

/// Whether nothing more can be reported of the credential of an issuance that was completed.
pub(crate) fn is_last(stage: &Stage) -> bool {
    *stage == Stage::Deleted
}

fn ends_badly(stage: &Stage) -> bool {
    matches!(
        stage,
        Stage::Failed | Stage::Expired | Stage::Declined | Stage::Deleted
    )
}

/// The wallet's code and a sentence of our own: what a wallet writes for humans can repeat a claim.
fn wallets_error(reported: Option<&IssueError>, stage: &Stage) -> IssueError {
    let code = reported
        .map(|error| error.code.as_str())
        .filter(|code| is_code(code))
        .unwrap_or(IssueError::WALLET_ERROR);
    let message = match stage {
        Stage::Expired => "The offer expired before the customer took the credential.",
        Stage::Declined => "The customer declined the credential.",
        Stage::Deleted => "The customer's wallet dropped the credential.",
        _ => "The wallet ended the issuance without a credential.",
    };
    IssueError::new(code, message)
}

/// Whether a wallet's code is a name and no text.
fn is_code(code: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&code.len())
        && code
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// A wallet's name for a status as it is recorded: without control characters, and cut.
pub(crate) fn short_name(name: &str) -> String {
    name.chars()
        .filter(|character| !character.is_control())
        .take(MAX_NAME_CHARS)
        .collect()
}
