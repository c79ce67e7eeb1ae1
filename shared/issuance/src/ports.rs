//! What the use cases need from outside, one capability each.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;
use std::time::Duration;

use bestow_contract::{
    CloudEvent, CorrelationId, CredentialStatus, CredentialStatusAnswer, CredentialStatusChange,
    IssueStatus, Problem, StartIssue, StartIssueAnswer,
};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::change::IssuedCredential;
use crate::outcome::{Outcome, Versioned};
use crate::record::Record;

/// The cause of a failed call. What it prints goes to the log; its own sources do not.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// A record as it is stored: see [`Versioned`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The record.
    pub record: Record,
    /// Names the write that stored it.
    pub write_id: Uuid,
}

impl Versioned for Stored {
    fn write_id(&self) -> Uuid {
        self.write_id
    }
}

/// What became of a write of a record.
pub type Update = Outcome<Stored>;

/// The table of records. Writes are atomic and conditional; reads show every write that was answered before.
pub trait Records: Send + Sync {
    /// Stores `mine`, a new reservation, if nothing is stored under its correlation id, or only a reservation for the
    /// same request whose lease is over, or a record that is not [kept](Record::kept_until) any more. Otherwise it tells
    /// what is there instead.
    fn reserve(&self, mine: &Stored) -> impl Future<Output = Result<Update, RecordsError>> + Send;

    /// The record under `id`.
    fn get(
        &self,
        id: &CorrelationId,
    ) -> impl Future<Output = Result<Option<Record>, RecordsError>> + Send;

    /// The records under `ids`. An id without a record is not among the keys. A record that cannot be read fails alone.
    fn get_many(
        &self,
        ids: &[CorrelationId],
    ) -> impl Future<
        Output = Result<HashMap<CorrelationId, Result<Stored, RecordsError>>, RecordsError>,
    > + Send;

    /// Stores `after` if the stored record is still the one that the write `based_on` made. Otherwise it tells what is
    /// there instead.
    fn update(
        &self,
        based_on: Uuid,
        after: &Stored,
    ) -> impl Future<Output = Result<Update, RecordsError>> + Send;

    /// Removes the record if it is still `mine`. Otherwise it tells what is there instead.
    fn remove(&self, mine: &Stored) -> impl Future<Output = Result<Update, RecordsError>> + Send;
}

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

/// A message of the poll queue: no claims, no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum QueueMessage {
    /// An issuance is to be polled.
    Poll(PollMessage),
    /// A credential's status is to be looked at.
    Check(CredentialCheck),
}

impl From<PollMessage> for QueueMessage {
    fn from(message: PollMessage) -> Self {
        Self::Poll(message)
    }
}

/// An issuance is to be polled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollMessage {
    /// Which issuance.
    pub correlation_id: CorrelationId,
    /// Which poll of the schedule this is; see [`Record::attempt`]. `None` asks the wallet now, whichever is awaited.
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
    pub fn poll_now(correlation_id: CorrelationId) -> Self {
        Self {
            correlation_id,
            attempt: None,
        }
    }
}

/// A credential's status is to be looked at, so that a change of it is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialCheck {
    /// Which credential.
    pub revocation_uuid: Uuid,
    /// How many checks of the same change there were before.
    #[serde(default)]
    pub check: u32,
    /// When the change was asked for, if that is known.
    #[serde(rename = "requested_at_ms", with = "millisecond::optional")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Timestamp>,
}

/// The poll queue.
pub trait PollQueue: Send + Sync {
    /// Enqueues `message`, to be delivered after `delay` (at most [`crate::LONGEST_DELAY`]).
    fn send(
        &self,
        message: &QueueMessage,
        delay: Duration,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// The queue did not take a message, or its answer was lost.
#[derive(Debug, Error)]
#[error("the poll queue did not take the message: {0}")]
pub struct QueueError(pub Cause);

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

/// What is known about issued credentials. It outlives the issuance's record: a credential can be revoked years later.
pub trait CredentialStatuses: Send + Sync {
    /// Notes which issuance a credential came from. Idempotent.
    fn remember(
        &self,
        credential: &IssuedCredential,
    ) -> impl Future<Output = Result<(), RecordsError>> + Send;

    /// Notes that the wallet said `status` of a credential at `now`: a change, if another status was noted before. A
    /// credential of which nothing was noted is valid, and one that is revoked stays so. Idempotent.
    fn note(
        &self,
        revocation_uuid: Uuid,
        status: CredentialStatus,
        now: Timestamp,
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

/// The event bus.
pub trait EventBus: Send + Sync {
    /// Puts events on the bus, at most [`MAX_EVENTS`] at once, and tells what became of each, in their order.
    fn put(
        &self,
        events: &[CloudEvent],
    ) -> impl Future<Output = Vec<Result<(), EventBusError>>> + Send;
}

/// The most events that are put on the bus at once.
pub const MAX_EVENTS: usize = 10;

/// An event is not on the bus.
#[derive(Debug, Error)]
pub enum EventBusError {
    /// The bus will not take it, however often it is put: why, as the bus names it.
    #[error("the event bus refuses the event: {0}")]
    Refused(String),
    /// The bus does not have it, or nobody can tell.
    #[error("the event bus did not take the event: {0}")]
    Failed(Cause),
}

/// A wallet that issues: the other side of the issue contract, over HTTP or in this process.
///
/// It knows an issuance by the correlation id and the request's hash in its [`Record`], which are the same each time.
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
    /// Get issue status; `None` if the wallet knows no such issuance.
    fn issue_status(
        &self,
        record: &Record,
    ) -> impl Future<Output = Result<Option<IssueStatus>, WalletError>> + Send;
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
    async fn issue_status(&self, record: &Record) -> Result<Option<IssueStatus>, WalletError> {
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

/// Why a wallet did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WalletError {
    /// It will not, and asking again changes nothing.
    #[error("the wallet refused: {0}")]
    Refused(Problem),
    /// It may, if it is asked again later; perhaps it did already.
    #[error("the wallet is not to be had for now: {0}")]
    Transient(TransientError),
}

/// A failure that may pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct TransientError {
    /// What kind of failure.
    pub kind: TransientKind,
    /// After how long the wallet wants to be asked again, if it said so. Whole seconds.
    pub retry_after: Option<Duration>,
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
    /// The wallet's answer breaks the contract, or tells a fault of its own.
    Faulty,
    /// The wallet does not accept our credentials: the operator has to correct the configuration.
    CredentialsRejected,
}
