//! What the use cases need from outside, one capability each.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;

use bestow_contract::{
    CloudEvent, CorrelationId, CredentialStatus, CredentialStatusAnswer, CredentialStatusChange,
    IssueStatus, Problem, StartIssue, StartIssueAnswer,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::change::IssuedCredential;
use crate::get_status::FRESH_MS;
use crate::outcome::{Outcome, Versioned};
use crate::record::{Record, State};

/// The cause of a failed call. What it prints goes to the log; its own sources do not.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// A record as it is stored. Every write gives it a new `write_id`, so that a later write can say what
/// it was based on, and so that a write whose answer was lost is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The record.
    pub record: Record,
    /// Names the write that stored it.
    pub write_id: Uuid,
}

/// The table of records. Writes are atomic and conditional.
pub trait Records: Send + Sync {
    /// Stores `mine`, a reservation, if nothing is stored under its correlation id, or only a reservation
    /// for the same request whose lease is over at `now_ms` (Unix milliseconds), or any record that is not
    /// kept any more at that time, and whose removal is merely late. Otherwise it says what is there instead,
    /// by [`Reservation::instead_of`].
    fn reserve(
        &self,
        mine: &Stored,
        now_ms: i64,
    ) -> impl Future<Output = Result<Reservation, RecordsError>> + Send;

    /// The record under `id`, as it is now: whoever was told that an issuance was accepted finds it, and
    /// what one reader saw no later reader sees undone.
    fn get(
        &self,
        id: &CorrelationId,
    ) -> impl Future<Output = Result<Option<Record>, RecordsError>> + Send;

    /// The records under `ids`, as they are now. An id without a record is not among the keys. A record
    /// that cannot be read fails alone.
    fn get_many(
        &self,
        ids: &[CorrelationId],
    ) -> impl Future<
        Output = Result<HashMap<CorrelationId, Result<Stored, RecordsError>>, RecordsError>,
    > + Send;

    /// Stores `after` if the stored record is still the one that the write `based_on` made. Otherwise it
    /// says what is there instead, by [`Outcome::instead_of`].
    fn update(
        &self,
        based_on: Uuid,
        after: &Stored,
    ) -> impl Future<Output = Result<Update, RecordsError>> + Send;

    /// Removes the record if it is still `mine`. Otherwise it says what is there instead.
    fn remove(&self, mine: &Stored) -> impl Future<Output = Result<Update, RecordsError>> + Send;
}

/// What came of an attempt to reserve a correlation id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reservation {
    /// It is reserved for us.
    Fresh,
    /// The same request came before, and this is what became of it.
    Repeat(Box<Stored>),
    /// The same request came before, and its first answer is still being worked on.
    InProgress,
    /// Another request came before under the same correlation id.
    Conflict,
}

impl Reservation {
    /// What it means that `existing` was found when `mine` was to be reserved.
    pub fn instead_of(mine: &Stored, existing: Stored) -> Self {
        if existing.write_id == mine.write_id {
            // Our own write, whose answer was lost and which the client repeated.
            Self::Fresh
        } else if existing.record.request_hash != mine.record.request_hash {
            Self::Conflict
        } else if matches!(existing.record.state, State::Reserved { .. }) {
            Self::InProgress
        } else {
            Self::Repeat(Box::new(existing))
        }
    }
}

impl Versioned for Stored {
    fn write_id(&self) -> Uuid {
        self.write_id
    }
}

/// What came of an attempt to update a record, or to remove it.
pub type Update = Outcome<Stored>;

/// Why the table gave no answer.
#[derive(Debug, Error)]
pub enum RecordsError {
    /// The call failed. A write may have been done all the same.
    #[error("the table of records gave no answer: {0}")]
    Unavailable(Cause),
    /// What is stored cannot be understood.
    #[error("the stored record cannot be read: its attribute {attribute} {reason}")]
    Malformed {
        /// The attribute's name.
        attribute: String,
        /// What is wrong with it, without its value.
        reason: String,
    },
}

/// What is put on the poll queue: no claims, no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollMessage {
    /// Which issuance is to be polled.
    pub correlation_id: CorrelationId,
    /// Which poll this is; see [`Record::attempt`]. A hint has none: something has happened, so the wallet
    /// is to be asked whichever poll is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

impl PollMessage {
    /// A poll of the schedule.
    pub fn scheduled(correlation_id: CorrelationId, attempt: u32) -> Self {
        Self {
            correlation_id,
            attempt: Some(attempt),
        }
    }

    /// A poll because something has happened.
    pub fn hint(correlation_id: CorrelationId) -> Self {
        Self {
            correlation_id,
            attempt: None,
        }
    }
}

/// The queue of polls that are due later.
pub trait PollQueue: Send + Sync {
    /// Puts `message` on the queue, to be delivered after `delay_seconds` (0 to 900).
    fn send(
        &self,
        message: &PollMessage,
        delay_seconds: u32,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// The queue did not take a message, or its answer was lost.
#[derive(Debug, Error)]
#[error("the poll queue did not take the message: {0}")]
pub struct QueueError(pub Cause);

/// What is put on the poll queue to look at a credential's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialCheck {
    /// Which credential.
    pub revocation_uuid: Uuid,
    /// How many checks of the same change there were before.
    #[serde(default)]
    pub check: u32,
    /// When the change was asked for, in Unix milliseconds; 0 if that is not known.
    #[serde(default)]
    pub requested_at_ms: i64,
}

/// The queue of checks of credentials that are due later: the poll queue.
pub trait CheckQueue: Send + Sync {
    /// Puts `message` on the queue, to be delivered after `delay_seconds` (0 to 900).
    fn send_check(
        &self,
        message: &CredentialCheck,
        delay_seconds: u32,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// A wallet that keeps the status of what it issued: the other side of the issue contract.
pub trait CredentialWallet: Send + Sync {
    /// `PUT` credential status.
    fn set_credential_status(
        &self,
        revocation_uuid: Uuid,
        change: &CredentialStatusChange,
    ) -> impl Future<Output = Result<CredentialStatusAnswer, WalletError>> + Send;

    /// `GET` credential status.
    fn credential_status(
        &self,
        revocation_uuid: Uuid,
    ) -> impl Future<Output = Result<CredentialStatusAnswer, WalletError>> + Send;
}

/// What is known about issued credentials, beyond the life of an issuance's record.
pub trait CredentialStatuses: Send + Sync {
    /// Notes which issuance a credential came from. To do it again changes nothing.
    fn remember(
        &self,
        credential: &IssuedCredential,
    ) -> impl Future<Output = Result<(), RecordsError>> + Send;

    /// Notes that the wallet said `status` of a credential, at `now_ms` (Unix milliseconds): a change, if it
    /// is another one than what was noted before. A credential of which nothing was noted is valid, and
    /// one that is revoked stays so. To do it again changes nothing.
    fn note(
        &self,
        revocation_uuid: Uuid,
        status: CredentialStatus,
        now_ms: i64,
    ) -> impl Future<Output = Result<Noted, RecordsError>> + Send;
}

/// What came of noting a credential's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is a change, which will be announced.
    Changed,
    /// It was known, or cannot come after what is known.
    Known,
}

/// Where events go out.
pub trait EventBus: Send + Sync {
    /// Puts events on the bus, at most [`MAX_EVENTS`] at once, and tells what became of each, in their
    /// order.
    fn put(&self, events: &[CloudEvent]) -> impl Future<Output = Vec<Put>> + Send;
}

/// The most events that are put on the bus at once.
pub const MAX_EVENTS: usize = 10;

/// What became of an event that was put on the bus.
#[derive(Debug)]
pub enum Put {
    /// The bus has it.
    Done,
    /// The bus will not take it, however often it is put.
    Refused {
        /// Why, as the bus names it.
        reason: String,
    },
    /// The bus does not have it, or nobody can tell.
    Failed(EventBusError),
}

/// The event bus did not take an event, or its answer was lost.
#[derive(Debug, Error)]
#[error("the event bus did not take the event: {0}")]
pub struct EventBusError(pub Cause);

/// A wallet that issues: the other side of the issue contract, over HTTP or in this process.
///
/// A wallet keeps no memory of its own of a request: it knows an issuance by the names in its [`Record`], the
/// correlation id and the request's hash, and these are the same each time it is asked.
pub trait IssuingWallet: Send + Sync {
    /// Start issue: makes the offer of `record`, or finds the one that it made before. `request` names the record's
    /// correlation id.
    fn start_issue(
        &self,
        record: &Record,
        request: &StartIssue,
    ) -> impl Future<Output = Result<StartIssueAnswer, WalletError>> + Send;
}

/// A wallet that says what has become of its offers.
pub trait ReportingWallet: Send + Sync {
    /// For how long what this wallet said counts as fresh, in milliseconds: a query that finds it older has the wallet
    /// asked again.
    fn fresh_ms(&self) -> i64 {
        FRESH_MS
    }

    /// Get issue status.
    fn issue_status(
        &self,
        record: &Record,
    ) -> impl Future<Output = Result<IssueReport, WalletError>> + Send;
}

/// The wallet of this deployment: one behind HTTP, or the one in this process.
#[derive(Clone)]
pub enum EitherWallet<E, B> {
    /// A wallet of the issue contract, over HTTP.
    External(E),
    /// The bundled wallet.
    Bundled(B),
}

impl<E: IssuingWallet, B: IssuingWallet> IssuingWallet for EitherWallet<E, B> {
    async fn start_issue(
        &self,
        record: &Record,
        request: &StartIssue,
    ) -> Result<StartIssueAnswer, WalletError> {
        match self {
            Self::External(wallet) => wallet.start_issue(record, request).await,
            Self::Bundled(wallet) => wallet.start_issue(record, request).await,
        }
    }
}

impl<E: ReportingWallet, B: ReportingWallet> ReportingWallet for EitherWallet<E, B> {
    fn fresh_ms(&self) -> i64 {
        match self {
            Self::External(wallet) => wallet.fresh_ms(),
            Self::Bundled(wallet) => wallet.fresh_ms(),
        }
    }

    async fn issue_status(&self, record: &Record) -> Result<IssueReport, WalletError> {
        match self {
            Self::External(wallet) => wallet.issue_status(record).await,
            Self::Bundled(wallet) => wallet.issue_status(record).await,
        }
    }
}

impl<E: CredentialWallet, B: CredentialWallet> CredentialWallet for EitherWallet<E, B> {
    async fn set_credential_status(
        &self,
        revocation_uuid: Uuid,
        change: &CredentialStatusChange,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        match self {
            Self::External(wallet) => wallet.set_credential_status(revocation_uuid, change).await,
            Self::Bundled(wallet) => wallet.set_credential_status(revocation_uuid, change).await,
        }
    }

    async fn credential_status(
        &self,
        revocation_uuid: Uuid,
    ) -> Result<CredentialStatusAnswer, WalletError> {
        match self {
            Self::External(wallet) => wallet.credential_status(revocation_uuid).await,
            Self::Bundled(wallet) => wallet.credential_status(revocation_uuid).await,
        }
    }
}

/// A wallet's answer to Get issue status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueReport {
    /// The wallet knows the issuance: pending, completed or failed.
    Known(IssueStatus),
    /// The wallet knows no such issuance.
    Unknown,
}

/// Why a wallet did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WalletError {
    /// It will not, and asking again changes nothing.
    #[error("the wallet refused: {0}")]
    Refused(Problem),
    /// It may, if it is asked again later. What it was asked to do may have been done all the same.
    #[error("the wallet is not to be had for now: {0}")]
    Transient(TransientError),
}

/// A failure that may pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct TransientError {
    /// What kind of failure.
    pub kind: TransientKind,
    /// After how many seconds the wallet wants to be asked again, if it said so.
    pub retry_after_seconds: Option<u32>,
    /// What happened, for the log: without URLs, bodies and credentials.
    pub reason: String,
}

/// The kinds of failures that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransientKind {
    /// The wallet cannot be reached.
    Unreachable,
    /// The wallet did not answer in time.
    TimedOut,
    /// The wallet says that it is asked too often (429).
    Busy,
    /// The wallet says that it is not available (503).
    Unavailable,
    /// The wallet answered with something that is not the contract's, or with a fault of its own.
    Faulty,
    /// The wallet does not accept our credentials: the operator has to mend the configuration.
    CredentialsRejected,
}
