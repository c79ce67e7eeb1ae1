//! Bulk start: many Start-issue bodies in one upload, and what became of each. `[ours]`

use crate::{CorrelationId, Problem};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::fmt;
use uuid::Uuid;

/// The media type of one JSON text a line.
pub const NDJSON: &str = "application/x-ndjson";

/// The most lines of one upload.
pub const MAX_UPLOAD_LINES: usize = 10_000;

/// The longest upload, in bytes. Lambda takes 6 MB, and gets NDJSON in base64, which is a third longer.
pub const MAX_UPLOAD_BYTES: usize = 4_500_000;

/// The longest `Idempotency-Key`, in bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 256;

/// The answer to an upload that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAccepted {
    /// Names the job.
    pub job_id: Uuid,
    /// Where the job's progress is told, absolute.
    pub status_uri: String,
    /// How many lines the upload has.
    pub total: u32,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// Names the job.
    pub job_id: Uuid,
    /// How many lines the upload has.
    pub total: u32,
    /// How many of them are done, whether started or failed. It never decreases.
    pub done: u32,
    /// How many of those that are done failed.
    pub failed: u32,
    /// Where the results of the lines that are done can be fetched, absolute.
    pub results_uri: String,
}

/// What became of one line of an upload: a line with its `status`, `started` or `failed`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum JobResult {
    /// The issuance was started.
    Started(StartedLine),
    /// It was not.
    Failed(FailedLine),
}

/// A line whose issuance was started.
#[skip_serializing_none]
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct StartedLine {
    /// Which line, counted from 1. Blank lines do not count.
    pub line: u32,
    /// The name of the issuance: the caller's, or a UUID that was made for it.
    pub correlation_id: CorrelationId,
    /// What hands the offer to the customer's wallet.
    pub request_uri: String,
    /// Where Get issue status answers, absolute.
    pub status_uri: String,
    /// The transaction code, for the backend to hand to the customer; only if `tx_code` was sent.
    pub tx_code: Option<String>,
    /// Names the credential for a later change of its status; only if the template has a status list.
    pub revocation_uuid: Option<Uuid>,
    /// When the offer runs out, in Unix seconds; only if the wallet says so.
    pub expires_at: Option<u64>,
}

/// A line whose issuance was not started.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedLine {
    /// Which line, counted from 1. Blank lines do not count.
    pub line: u32,
    /// The name that the line gave to its issuance, if it could be read.
    pub correlation_id: Option<CorrelationId>,
    /// Why. Its `errors` point into the line.
    pub problem: Problem,
}

impl fmt::Debug for StartedLine {
    /// Whoever knows the `request_uri` and the `tx_code` can take the credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartedLine")
            .field("line", &self.line)
            .field("correlation_id", &self.correlation_id)
            .finish_non_exhaustive()
    }
}
