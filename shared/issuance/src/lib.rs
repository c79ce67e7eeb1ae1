//! The backend's domain: what an issuance is, how it changes, and the use cases around it. No AWS and no
//! HTTP: what it needs from outside are [`ports`].
//!
//! | use case | what it does |
//! |---|---|
//! | [`StartIssuing::start_issue`] | reserves the correlation id, has the wallet make an offer, records it |
//! | [`PollStatus::poll`] | asks the wallet, records what it says, schedules the next poll |
//! | [`GetStatus::get_status`] | answers from the record, and brings the next poll forward |
//! | [`CredentialStatusUseCase::set`] | has the wallet change a credential's status, and notes it |
//! | [`PublishChanges::announce`] | tells of each change that readers can see |
//!
//! The status of an issued credential is the wallet's alone: the backend relays, and records what it heard
//! only to announce it.

mod change;
mod credential_status;
mod decision;
mod failure;
mod get_status;
mod lifecycle_metric;
mod outcome;
mod poll_status;
pub mod ports;
mod publish_changes;
mod record;
mod request_hash;
mod schedule;
mod start_issue;
mod transition;
mod wallet_callbacks;

pub use change::{Change, CredentialChange, IssuedCredential};
pub use credential_status::{
    CheckError, Checked, CredentialStatusUseCase, FIRST_CHECK_SECONDS, MAX_CHECKS, SetStatus,
    SetStatusError,
};
pub use decision::{OUTAGE_PATIENCE_SECONDS, UNKNOWN_PATIENCE_MS};
pub use get_status::{FRESH_BY_ITSELF_MS, FRESH_MS, GetStatus};
pub use lifecycle_metric::LifecycleMetric;
pub use outcome::{Outcome, Versioned};
pub use poll_status::{DropReason, MAX_DELIVERIES, PollError, PollStatus, Polled};
pub use publish_changes::{
    Announced, Announcement, PublishChanges, PublishError, may_go_out_together,
};
pub use record::{
    DEFAULT_OFFER_LIFE_SECONDS, LONGEST_OFFER_LIFE_SECONDS, Offer, RESERVATION_RETENTION_SECONDS,
    RETENTION_SECONDS, Record, State,
};
pub use request_hash::{RequestHash, RequestHasher};
pub use schedule::{GRACE_SECONDS, LONGEST_DELAY_SECONDS, PollSchedule, back_off_seconds};
pub use start_issue::{
    LEASE_MS, StartIssueError, StartIssueErrorKind, StartIssuing, StartedIssue, TransactionCode,
};
pub use wallet_callbacks::{CallbackTokens, WalletCallbacks};
