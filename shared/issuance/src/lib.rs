//! The backend's domain: what an issuance is, how it changes, and the use cases around it. No AWS and no HTTP: what it
//! needs from outside are [`ports`].
//!
//! | use case | what it does |
//! |---|---|
//! | [`StartIssuing::start_issue`] | reserves the correlation id, has the wallet make an offer, records it |
//! | [`PollStatus::poll`] | asks the wallet, records what it says, enqueues the next poll |
//! | [`GetStatus::get_status`] | answers from the record, and has the wallet polled now if that may be outdated |
//! | [`CredentialStatusUseCase::set`] | has the wallet change a credential's status, and notes it |
//! | [`PublishChanges::announce`] | puts an event on the bus for each change that readers can see |
//!
//! The wallet keeps the status of an issued credential. The backend relays, and notes it only to announce it.

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
    CheckError, Checked, CredentialStatusUseCase, FIRST_CHECK, MAX_CHECKS, SetStatus,
    SetStatusError,
};
pub use decision::{OUTAGE_PATIENCE, UNKNOWN_PATIENCE};
pub use get_status::{FRESH, FRESH_BY_ITSELF, GetStatus};
pub use lifecycle_metric::LifecycleMetric;
pub use outcome::{Outcome, Versioned};
pub use poll_status::{DropReason, MAX_DELIVERIES, PollError, PollStatus, Polled};
pub use publish_changes::{Announcement, PublishChanges, PublishError, may_go_out_together};
pub use record::{DEFAULT_OFFER_LIFE, LEASE, LONGEST_OFFER_LIFE, Offer, Record, State};
pub use request_hash::{RequestHash, RequestHasher};
pub use schedule::{GRACE, LONGEST_DELAY, back_off};
pub use start_issue::{StartIssueError, StartIssueErrorKind, StartIssuing, StartedIssue};
pub use wallet_callbacks::{CallbackTokens, WalletCallbacks};
