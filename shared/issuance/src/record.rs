//! What the backend knows about one issuance.

use std::time::Duration;

use bestow_contract::{Callback, CorrelationId, IssueError, IssueStatus, Stage, Status};
use jiff::Timestamp;
use uuid::Uuid;

use crate::get_status::FRESH;
use crate::request_hash::RequestHash;
use crate::schedule::PollSchedule;

/// How long an issuance is followed whose wallet does not say when the offer ends. To give up an offer that can still
/// be taken is wrong for good, and a poll each quarter of an hour costs next to nothing.
pub const DEFAULT_OFFER_LIFE: Duration = Duration::from_hours(7 * 24);

/// The longest that an offer lasts, whatever the wallet says: one that says milliseconds would be asked for ever.
pub const LONGEST_OFFER_LIFE: Duration = Duration::from_hours(90 * 24);

/// How long one Start issue may be at work before another may take over: longer than the function that runs it lives
/// for one request (29 seconds).
pub const LEASE: Duration = Duration::from_secs(30);

/// How long a record is kept after its last write: Start issue can be repeated and the status be read as long. A
/// revocation needs no record.
const RETENTION: Duration = Duration::from_hours(90 * 24);

/// How long a reservation is kept after its last write. Each poll of it is a write, so one that is older is not polled:
/// its process died before the first message was sent. Nobody was told that it was accepted.
const RESERVATION_RETENTION: Duration = Duration::from_hours(24);

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
    /// When the correlation id was reserved.
    pub reserved_at: Timestamp,
    /// The poll message that is awaited: one with a lower attempt is stale.
    pub attempt: u32,
    /// Queries do not have the wallet polled before: what is recorded is fresh, or the wallet is failing.
    pub not_before: Timestamp,
    /// The number of changes that readers could see so far; 0 while nothing is to be seen.
    pub sequence: u64,
    /// When readers could last see a change. It never goes back.
    pub last_updated: Timestamp,
    /// Whether the wallet calls back when something happens, and so is polled seldom.
    pub wallet_calls_back: bool,
    /// What became of the issuance.
    pub state: State,
}

/// What became of an issuance so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The correlation id is taken, and the wallet's answer is not recorded yet. Readers do not see it: the caller has
    /// not been told that the issuance was accepted.
    Reserved {
        /// Until when the process that reserved it may still be at work.
        lease_until: Timestamp,
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
        /// That the credential was issued, or what the customer's wallet has reported of it since.
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

/// What the wallet offers to the customer. The default is an offer of which nothing is known but that it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The link, where a repeat of Start issue may be answered with it. It is absent when the wallet's answer was lost,
    /// and when it came with a transaction code, which is not stored: a repeat asks the wallet again.
    pub request_uri: Option<String>,
    /// Names the credential for a later revocation, where the template has a status list.
    pub revocation_uuid: Option<Uuid>,
    /// When the offer can no longer be taken, if the wallet said so. Whole seconds.
    pub expires_at: Option<Timestamp>,
}

impl Record {
    /// A reservation at `now` of an issuance without a callback.
    pub fn reserve(
        correlation_id: CorrelationId,
        template_id: String,
        request_hash: RequestHash,
        now: Timestamp,
    ) -> Self {
        Self {
            correlation_id,
            template_id,
            callback: None,
            request_hash,
            reserved_at: now,
            attempt: 0,
            not_before: now + FRESH,
            sequence: 0,
            last_updated: now,
            wallet_calls_back: false,
            state: State::Reserved {
                lease_until: now + LEASE,
            },
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
        view.last_updated = Some(self.last_updated.as_millisecond());
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

    /// Until when the record is kept.
    pub fn kept_until(&self) -> Timestamp {
        let retention = match self.state {
            State::Reserved { .. } => RESERVATION_RETENTION,
            _ => RETENTION,
        };
        // Each poll sets `not_before`.
        self.last_updated.max(self.not_before) + retention
    }

    /// Whether the wallet need not be polled any more. The stage of a completed issuance can still change: the
    /// customer's wallet may report what became of the credential.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Failed { .. })
    }

    /// Until when someone may still be at work on the reservation, if that is after `now`.
    pub fn lease_until(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            State::Reserved { lease_until } if lease_until > now => Some(lease_until),
            _ => None,
        }
    }

    /// When this issuance is polled.
    pub(crate) fn schedule(&self) -> PollSchedule {
        PollSchedule {
            started_at: self.reserved_at,
            offer_expires_at: self
                .offer()
                .and_then(|offer| offer.expires_at)
                .unwrap_or(self.reserved_at + DEFAULT_OFFER_LIFE),
            wallet_calls_back: self.wallet_calls_back,
        }
    }
}
