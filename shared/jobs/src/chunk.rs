//! A job, and the chunks that it is cut into.

use std::fmt;

use bestow_contract::{CorrelationId, Problem, StartIssue};
use bestow_sealing::{CryptoError, OpenError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::keys::{JobKeys, Part};

/// How long after the upload a line may wait for a wallet that fails, in seconds. Then it has failed.
pub const PATIENCE_SECONDS: i64 = 24 * 60 * 60;

/// How long a job is kept, with its results, in seconds.
pub const RESULTS_KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;

/// How long after its last moment a line may still be under way, in seconds. What is left after that goes.
const GRACE_SECONDS: i64 = 60;

/// The most lines of a chunk. Each may get a link of 8 KiB, which must fit into an item of 400 KB.
pub(crate) const CHUNK_LINES: usize = 25;

/// The most bytes of the lines of a chunk, unless it is one line that is longer.
pub(crate) const CHUNK_BYTES: usize = 100_000;

/// The longest problem that is kept with a result, in bytes of JSON. Faults beyond it are left out.
const PROBLEM_BYTES: usize = 4_096;

/// An upload that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    #[serde(rename = "job_id")]
    pub id: Uuid,
    /// How many lines it has.
    pub total: u32,
    /// When it was accepted, in Unix milliseconds.
    pub accepted_at_ms: i64,
    /// The fingerprint of the upload.
    pub upload_hash: String,
    /// Whether each of its chunks has a message on the queue.
    #[serde(default)]
    pub is_queued: bool,
}

impl Job {
    /// Until when its lines are started, in Unix seconds.
    pub fn start_by(&self) -> i64 {
        self.accepted_at_ms
            .div_euclid(1_000)
            .saturating_add(PATIENCE_SECONDS)
    }

    /// Until when it is kept, in Unix seconds.
    pub fn kept_until(&self) -> i64 {
        self.accepted_at_ms
            .div_euclid(1_000)
            .saturating_add(RESULTS_KEPT_SECONDS)
    }
}

/// The name of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChunkId {
    /// The job.
    pub job_id: Uuid,
    /// The number of its first line.
    #[serde(rename = "chunk")]
    pub first_line: u32,
}

/// Some lines of a job that follow each other, as they are stored. Each write gives it a new `write_id`,
/// which is also what its parts are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its name.
    pub id: ChunkId,
    /// Names the write that stored it.
    pub write_id: Uuid,
    /// How many lines it has.
    pub line_count: u32,
    /// How many of them were started.
    pub started: u32,
    /// How many of them have failed.
    pub failed: u32,
    /// Until when its lines are started, in Unix seconds.
    pub start_by: i64,
    /// Until when it is kept, in Unix seconds.
    pub kept_until: i64,
    /// The lines that are not done, sealed; none when all are, or when their claims had to go.
    pub lines: Option<Vec<u8>>,
    /// The results of those that are done, sealed.
    pub results: Option<Vec<u8>>,
}

/// A line that is not done. It has claims.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingLine {
    /// Its number.
    pub line: u32,
    /// What it asks for. Its correlation id is there.
    pub request: StartIssue,
}

/// A line that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineResult {
    /// Its number.
    pub line: u32,
    /// The name of its issuance, if it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<CorrelationId>,
    /// What became of it.
    pub outcome: LineOutcome,
}

/// What became of a line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineOutcome {
    /// The issuance was started.
    Started {
        /// What hands the offer to the customer's wallet.
        request_uri: String,
        /// The transaction code, for the backend alone, if one was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        tx_code: Option<String>,
        /// Names the credential for a later revocation.
        #[serde(skip_serializing_if = "Option::is_none")]
        revocation_uuid: Option<Uuid>,
        /// When the offer can no longer be taken, in Unix seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_at: Option<i64>,
    },
    /// It was not, and why.
    Failed(Problem),
}

impl fmt::Debug for LineOutcome {
    /// Whoever knows the link and the code can take the credential.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { .. } => formatter.write_str("Started(…)"),
            Self::Failed(problem) => formatter.debug_tuple("Failed").field(problem).finish(),
        }
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Chunk")
            .field("id", &self.id)
            .field("write_id", &self.write_id)
            .field("line_count", &self.line_count)
            .field("started", &self.started)
            .field("failed", &self.failed)
            .field("is_open", &self.lines.is_some())
            .finish_non_exhaustive()
    }
}

impl LineResult {
    /// The result of a line that has failed, with a problem that is cut to what can be kept.
    pub(crate) fn failed(
        line: u32,
        correlation_id: Option<CorrelationId>,
        problem: Problem,
    ) -> Self {
        Self {
            line,
            correlation_id,
            outcome: LineOutcome::Failed(cut(problem)),
        }
    }

    /// The result of a line that nobody has started in time.
    pub(crate) fn too_late(line: u32, correlation_id: Option<CorrelationId>) -> Self {
        let problem = Problem::unavailable(
            "The line could not be started within a day. Upload it again, with the same \
             correlation_id if it has one: nothing is issued twice.",
        );
        Self::failed(line, correlation_id, problem)
    }

    fn is_started(&self) -> bool {
        matches!(self.outcome, LineOutcome::Started { .. })
    }
}

/// The problem with as many of its faults as can be kept.
fn cut(mut problem: Problem) -> Problem {
    let bytes = |problem: &Problem| serde_json::to_vec(problem).map_or(0, |json| json.len());
    while bytes(&problem) > PROBLEM_BYTES && problem.errors.pop().is_some() {}
    problem
}

impl Chunk {
    /// A chunk with these lines and results, sealed for the write `write_id`.
    ///
    /// # Errors
    /// [`CryptoError`] only if the cryptographic library fails.
    pub(crate) fn with(
        self,
        keys: &JobKeys,
        write_id: Uuid,
        lines: &[PendingLine],
        results: &[LineResult],
    ) -> Result<Self, CryptoError> {
        let sealed = |part, plaintext: Vec<u8>| keys.seal(part, self.id, write_id, plaintext);
        let started = results.iter().filter(|result| result.is_started()).count();
        Ok(Self {
            lines: match lines {
                [] => None,
                lines => Some(sealed(Part::Lines, write_lines(lines)?)?),
            },
            results: match results {
                [] => None,
                results => {
                    let json = serde_json::to_vec(results).map_err(|_| CryptoError)?;
                    Some(sealed(Part::Results, json)?)
                }
            },
            write_id,
            started: count(started),
            failed: count(results.len() - started),
            ..self
        })
    }

    /// The lines that are not done.
    ///
    /// # Errors
    /// [`OpenError`] if they cannot be opened.
    pub(crate) fn open_lines(&self, keys: &JobKeys) -> Result<Vec<PendingLine>, OpenError> {
        let Some(sealed) = &self.lines else {
            return Ok(Vec::new());
        };
        read_lines(&keys.open(Part::Lines, self.id, self.write_id, sealed)?)
    }

    /// The results of the lines that are done.
    ///
    /// # Errors
    /// [`OpenError`] if they cannot be opened.
    pub(crate) fn open_results(&self, keys: &JobKeys) -> Result<Vec<LineResult>, OpenError> {
        let Some(sealed) = &self.results else {
            return Ok(Vec::new());
        };
        let json = keys.open(Part::Results, self.id, self.write_id, sealed)?;
        serde_json::from_slice(&json).map_err(|_| OpenError)
    }

    /// From when on its lines are to be erased, in Unix seconds; none if it has none.
    pub fn erase_at_seconds(&self) -> Option<i64> {
        let is_open = self.lines.is_some();
        is_open.then(|| self.start_by.saturating_add(GRACE_SECONDS))
    }

    /// The numbers of all its lines, done or not.
    pub(crate) fn line_numbers(&self) -> impl Iterator<Item = u32> + use<> {
        self.id.first_line..self.id.first_line.saturating_add(self.line_count)
    }
}

/// What readers of the progress need of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkProgress {
    /// Its name.
    pub id: ChunkId,
    /// How many lines it has.
    pub line_count: u32,
    /// How many of them were started.
    pub started: u32,
    /// How many of them have failed.
    pub failed: u32,
    /// Whether some of its lines are still to be started.
    pub is_open: bool,
}

impl ChunkProgress {
    /// How many lines are dealt with, and how many of these have failed. A closed chunk has nothing left
    /// to do: what was not started has failed.
    pub fn done_and_failed(&self) -> (u32, u32) {
        if self.is_open {
            (self.started.saturating_add(self.failed), self.failed)
        } else {
            (
                self.line_count,
                self.line_count.saturating_sub(self.started),
            )
        }
    }
}

fn write_lines(lines: &[PendingLine]) -> Result<Vec<u8>, CryptoError> {
    let lines: Vec<_> = lines
        .iter()
        .map(|PendingLine { line, request }| (line, request))
        .collect();
    serde_json::to_vec(&lines).map_err(|_| CryptoError)
}

fn read_lines(json: &[u8]) -> Result<Vec<PendingLine>, OpenError> {
    let lines: Vec<(u32, &RawValue)> = serde_json::from_slice(json).map_err(|_| OpenError)?;
    let read = lines.into_iter().map(|(line, request)| {
        let request = StartIssue::from_json(request.get().as_bytes()).map_err(|_| OpenError)?;
        Ok(PendingLine { line, request })
    });
    read.collect()
}

pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bestow_contract::FieldError;

    #[test]
    fn what_is_kept_of_a_problem_fits() {
        let faults = vec![FieldError::new("/claims/x", "y".repeat(500)); 50];
        let result = LineResult::failed(1, None, Problem::claims_rejected(faults));
        let LineOutcome::Failed(problem) = result.outcome else {
            panic!("it has failed");
        };
        assert!(serde_json::to_vec(&problem).unwrap().len() <= PROBLEM_BYTES);
        assert!(problem.errors.len() >= 5);
    }

    #[test]
    fn a_closed_chunk_has_nothing_left_to_do() {
        let mut progress = ChunkProgress {
            id: ChunkId {
                job_id: Uuid::nil(),
                first_line: 1,
            },
            line_count: 10,
            started: 6,
            failed: 1,
            is_open: true,
        };
        assert_eq!(progress.done_and_failed(), (7, 1));
        progress.is_open = false;
        assert_eq!(progress.done_and_failed(), (10, 4));
    }
}
