//! The issue contract: the HTTP contract between a backend and a wallet that issues for it.
//!
//! Bestow serves it to backends and calls it at wallets, so types are read and written. Nothing
//! outside this crate knows the name of a wire field, and nothing in it does any I/O.
//!
//! | operation | request | answer |
//! |---|---|---|
//! | Start issue, [`paths::START_ISSUE`] | [`StartIssue`] | [`StartIssueAnswer`] |
//! | Get issue status, [`paths::ISSUE_STATUS`] | | [`IssueStatus`] |
//! | Bulk start, [`paths::START_BULK`] | [`StartIssue`], one a line | [`JobAccepted`] |
//! | Job status, [`paths::JOB_STATUS`], and results, [`paths::JOB_RESULTS`] | | [`JobStatus`], [`JobResult`] |
//! | Credential status, [`paths::CREDENTIAL_STATUS`] | [`CredentialStatusChange`] | [`CredentialStatusAnswer`] |
//! | the schemas of events, [`paths::EVENT_SCHEMA`] | | [`event_schema`] |
//! | Deliveries, [`paths::DELIVERIES`] | | [`Deliveries`] |
//! | Replay, [`paths::REPLAY_DELIVERY`] | | [`Delivery`] |
//! | every error | | [`Problem`] |
//!
//! Changes are announced by [`CloudEvent`]s.
//!
//! `[d]` marks what is derived from a sibling contract (the "Universal OID4VCI" one), and `[ours]`
//! what is Bestow's own choice. The rest a wallet vendor's documentation or a public client shows.

mod callback;
mod correlation_id;
mod credential_status;
mod delivery;
mod event;
mod fields;
mod issue_status;
mod job;
mod openapi;
pub mod paths;
mod percent;
mod problem;
mod qr_code;
mod request_uri;
mod scope;
mod start_issue;
mod tx_code;

pub use callback::Callback;
pub use correlation_id::{CorrelationId, CorrelationIdError};
pub use credential_status::{
    CredentialStatus, CredentialStatusAnswer, CredentialStatusChange, StatusListEntry,
};
pub use delivery::{Deliveries, Delivery, DeliveryAttempt, DeliveryStatus};
pub use event::{CloudEvent, CredentialEventData, EventData, EventType, event_schema};
pub use issue_status::{IssueError, IssueStatus, Stage, Status};
pub use job::{
    FailedLine, JobAccepted, JobResult, JobStatus, MAX_IDEMPOTENCY_KEY_BYTES, MAX_UPLOAD_BYTES,
    MAX_UPLOAD_LINES, NDJSON, StartedLine,
};
pub use openapi::openapi;
pub use problem::{FieldError, PROBLEM_JSON, Problem, ProblemKind};
pub use qr_code::{Color, ColorError, Logo, LogoError, LogoFormat, LogoUri, QrCode};
pub use request_uri::{RequestUriBase, RequestUriBaseError, is_request_uri, request_uri};
pub use scope::{Scope, ScopeError};
pub use start_issue::{Claims, StartIssue, StartIssueAnswer};
pub use tx_code::{TxCode, TxCodeInputMode};
