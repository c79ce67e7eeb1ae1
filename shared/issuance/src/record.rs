//! What the backend knows about one issuance.

use bestow_contract::{Callback, CorrelationId, IssueError, IssueStatus, Stage, Status};
use uuid::Uuid;

use crate::get_status::FRESH_MS;
use crate::request_hash::RequestHash;
use crate::schedule::PollSchedule;

/// How long an issuance is followed whose wallet does not say when the offer ends, in seconds. Long,
/// because only Bestow's own wallet is known to say it, and an issuance that is given up while its
/// offer can still be taken is wrong for good; a poll each quarter of an hour costs next to nothing.
pub const DEFAULT_OFFER_LIFE_SECONDS: i64 = 7 * 24 * 60 * 60;

/// The longest that an offer lasts, in seconds, whatever the wallet says. One that says milliseconds
/// would be asked for ever.
pub const LONGEST_OFFER_LIFE_SECONDS: i64 = 90 * 24 * 60 * 60;

/// How long a record is kept after its last write, in seconds: as long a Start issue can be repeated
/// and the status be read. A revocation needs no record.
pub const RETENTION_SECONDS: i64 = 90 * 24 * 60 * 60;

/// How long a reservation is kept after its last write, in seconds. Each poll of it is a write, so one that
/// outlives this is followed by nobody: whoever made it died before the first poll was on the queue, and nobody
/// repeated the request. Nobody was told that it was accepted either, so it goes without a trace.
pub const RESERVATION_RETENTION_SECONDS: i64 = 24 * 60 * 60;

/// One issuance, from the reservation of its correlation id to its end. It holds no claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The issuance's name and its idempotency key.
    pub correlation_id: CorrelationId,
    /// The credential issue template.
    pub template_id: String,
    /// Where the caller wants changes to be posted, if anywhere.
    pub callback: Option<Callback>,
    /// The fingerprint of the Start issue request.
    pub request_hash: RequestHash,
    /// When the correlation id was reserved, in Unix milliseconds.
    pub reserved_at_ms: i64,
    /// The poll message that is awaited: one with a lower attempt is stale.
    pub attempt: u32,
    /// Until when a query does not have the wallet asked, in Unix milliseconds: what is recorded is
    /// fresh, or the wallet failed and is left alone for now.
    pub quiet_until_ms: i64,
    /// How many changes readers could see so far; 0 while nothing is to be seen.
    pub sequence: u64,
    /// When readers could last see a change, in Unix milliseconds. It never goes back.
    pub last_updated_ms: i64,
    /// Whether the wallet was asked to call back when something happens. If so, it need not be asked
    /// often.
    pub wallet_calls_back: bool,
    /// What became of the issuance.
    pub state: State,
}

/// What became of an issuance so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The correlation id is taken, and the wallet's answer is not recorded yet. Readers do not see
    /// it: the caller has not been told that the issuance was accepted.
    Reserved {
        /// Until when the one who reserved it may still be at work, in Unix milliseconds.
        lease_until_ms: i64,
    },
    /// The wallet made an offer, and the customer has not taken the credential yet.
    Offered {
        /// The offer.
        offer: Offer,
        /// How far the customer has come.
        stage: Stage,
        /// The status as the wallet last sent it; the contract's set of statuses is open.
        wallet_status: Status,
    },
    /// The customer's wallet has the credential.
    Completed {
        /// The offer that was taken.
        offer: Offer,
        /// What is known of what became of the credential: that it was issued, or what the customer's
        /// wallet has reported since.
        stage: Stage,
    },
    /// The issuance ended without a credential.
    Failed {
        /// The offer that came to nothing.
        offer: Offer,
        /// [`Stage::Failed`] or [`Stage::Expired`], or what the wallet said.
        stage: Stage,
        /// Why.
        error: IssueError,
    },
}

/// What the wallet offers to the customer. By default an offer of which nothing is known but that it was
/// made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The link of Start issue's answer, if a repeat may be answered with it. It is absent when the
    /// wallet's answer was lost, and when it came with a transaction code: that is not stored, so a
    /// repeat asks the wallet again.
    pub request_uri: Option<String>,
    /// Names the credential for a later revocation, where the template has a status list.
    pub revocation_uuid: Option<Uuid>,
    /// When the offer can no longer be taken, in Unix seconds, if the wallet said so.
    pub expires_at: Option<i64>,
}

impl Record {
    /// A reservation by one who is at work until `lease_until_ms` (Unix milliseconds), of an issuance
    /// without a callback.
    pub fn reserve(
        correlation_id: CorrelationId,
        template_id: String,
        request_hash: RequestHash,
        now_ms: i64,
        lease_until_ms: i64,
    ) -> Self {
        Self {
            correlation_id,
            template_id,
            callback: None,
            request_hash,
            reserved_at_ms: now_ms,
            attempt: 0,
            quiet_until_ms: now_ms.saturating_add(FRESH_MS),
            sequence: 0,
            last_updated_ms: now_ms,
            wallet_calls_back: false,
            state: State::Reserved { lease_until_ms },
        }
    }

    /// What readers see, or `None` while they see nothing.
    pub fn view(&self) -> Option<IssueStatus> {
        let (status, stage, error) = match &self.state {
            State::Reserved { .. } => return None,
            // Bestow sends only the contract's own statuses, whatever the wallet's is.
            State::Offered { stage, .. } => (Status::IssueRequestCreated, stage, None),
            State::Completed { stage, .. } => (Status::IssueCompleted, stage, None),
            State::Failed { stage, error, .. } => (Status::Error, stage, Some(error.clone())),
        };
        let revocation_uuid = self.offer().and_then(|offer| offer.revocation_uuid);
        let mut view = IssueStatus::new(status, self.correlation_id.clone(), revocation_uuid);
        view.stage = Some(stage.clone());
        view.template_id = Some(self.template_id.clone());
        view.last_updated = Some(self.last_updated_ms);
        view.sequence = Some(self.sequence);
        view.error = error;
        Some(view)
    }

    /// The offer, if one is known to have been made.
    pub fn offer(&self) -> Option<&Offer> {
        match &self.state {
            State::Reserved { .. } => None,
            State::Offered { offer, .. }
            | State::Completed { offer, .. }
            | State::Failed { offer, .. } => Some(offer),
        }
    }

    /// How long the record is kept after its last write, in seconds.
    pub fn retention_seconds(&self) -> i64 {
        match self.state {
            State::Reserved { .. } => RESERVATION_RETENTION_SECONDS,
            _ => RETENTION_SECONDS,
        }
    }

    /// Whether the issuance has come to its end, so that nobody asks for it any more. Of a completed one
    /// the stage can still change: the customer's wallet may report what became of the credential.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Failed { .. })
    }

    /// Until when someone may still be at work on the reservation, if that is after `now_ms`.
    pub fn lease_until_ms(&self, now_ms: i64) -> Option<i64> {
        match self.state {
            State::Reserved { lease_until_ms } if lease_until_ms > now_ms => Some(lease_until_ms),
            _ => None,
        }
    }

    /// When this issuance is polled.
    pub fn schedule(&self) -> PollSchedule {
        let started_at = self.reserved_at_ms.div_euclid(1_000);
        PollSchedule {
            started_at,
            offer_expires_at: self
                .offer()
                .and_then(|offer| offer.expires_at)
                .unwrap_or(started_at.saturating_add(DEFAULT_OFFER_LIFE_SECONDS)),
            wallet_calls_back: self.wallet_calls_back,
        }
    }
}
