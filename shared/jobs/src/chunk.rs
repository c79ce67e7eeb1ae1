//! A job, and the chunks that it is cut into.

use std::fmt;
use std::time::Duration;

use bestow_contract::{CorrelationId, Problem, StartIssue};
use bestow_sealing::{CryptoError, OpenError};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::{millisecond, second};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::keys::{JobKeys, Part};

/// How long after the upload a line may wait for a wallet that fails, before it has failed: a day.
pub const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a job is kept, with its results: a week.
pub const RESULTS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long after its last moment a line may still be under way. What is left after that is erased.
const GRACE: Duration = Duration::from_secs(60);

/// The most lines of a chunk. Each may get a link of 8 KiB, and an item holds 400 KB.
pub(crate) const CHUNK_LINES: usize = 25;

/// The most bytes of the lines of a chunk, unless it is one line that is longer.
pub(crate) const CHUNK_BYTES: usize = 100_000;

/// The longest problem that is stored with a result, in bytes of JSON. Faults beyond it are left out.
const PROBLEM_BYTES: usize = 4_096;

/// An upload that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    #[serde(rename = "job_id")]
    pub id: Uuid,
    /// How many lines it has.
    pub total: u32,
    /// When it was accepted.
    #[serde(rename = "accepted_at_ms", with = "millisecond::required")]
    pub accepted_at: Timestamp,
    /// The fingerprint of the upload.
    pub upload_hash: String,
    /// Whether each of its chunks has a message on the queue.
    #[serde(default)]
    pub is_queued: bool,
}

impl Job {
    /// Until when its lines are started.
    pub fn start_by(&self) -> Timestamp {
        self.accepted_at + PATIENCE
    }

    /// Until when it is kept.
    pub fn kept_until(&self) -> Timestamp {
        self.accepted_at + RESULTS_KEPT
    }
}

/// The name of a chunk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChunkId {
    /// The job.
    pub job_id: Uuid,
    /// The number of its first line.
    #[serde(rename = "chunk")]
    pub first_line: u32,
}

/// Some consecutive lines of a job, as they are stored. Each write gives it a new `write_id`, which is also what its parts
/// are sealed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its name.
    #[serde(skip)]
    pub id: ChunkId,
    /// Names the write that stored it.
    pub write_id: Uuid,
    /// How many lines it has.
    pub line_count: u32,
    /// How many of them were started.
    pub started: u32,
    /// How many of them have failed.
    pub failed: u32,
    /// Until when its lines are started, in whole seconds.
    #[serde(with = "second::required")]
    pub start_by: Timestamp,
    /// Until when it is kept, in whole seconds.
    #[serde(rename = "expires_at", with = "second::required")]
    pub kept_until: Timestamp,
    /// The lines that are not done, sealed; `None` if all are, or if their claims were erased.
    #[serde(default, with = "serde_bytes")]
    pub lines: Option<Vec<u8>>,
    /// The results of those that are done, sealed.
    #[serde(default, with = "serde_bytes")]
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
        /// When the offer can no longer be taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[serde(with = "second::optional")]
        expires_at: Option<Timestamp>,
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

impl LineResult {
    /// The result of a line that has failed. Of the problem's faults as many are kept as can be stored.
    pub(crate) fn failed(
        line: u32,
        correlation_id: Option<CorrelationId>,
        mut problem: Problem,
    ) -> Self {
        let bytes = |problem: &Problem| serde_json::to_vec(problem).map_or(0, |json| json.len());
        while bytes(&problem) > PROBLEM_BYTES && problem.errors.pop().is_some() {}
        Self {
            line,
            correlation_id,
            outcome: LineOutcome::Failed(problem),
        }
    }

    /// The result of a line that was not started in time.
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

impl Chunk {
    /// The chunk with these lines and results, sealed for the write `write_id`.
    pub(crate) fn with(
        self,
        keys: &JobKeys,
        write_id: Uuid,
        lines: &[PendingLine],
        results: &[LineResult],
    ) -> Result<Self, CryptoError> {
        let started = results.iter().filter(|result| result.is_started()).count();
        let (id, requests) = (self.id, lines.iter().map(|one| (one.line, &one.request)));
        Ok(Self {
            lines: sealed(
                keys,
                Part::Lines,
                id,
                write_id,
                &requests.collect::<Vec<_>>(),
            )?,
            results: sealed(keys, Part::Results, id, write_id, results)?,
            write_id,
            started: count(started),
            failed: count(results.len() - started),
            ..self
        })
    }

    /// The lines that are not done.
    pub(crate) fn open_lines(&self, keys: &JobKeys) -> Result<Vec<PendingLine>, OpenError> {
        let Some(sealed) = &self.lines else {
            return Ok(Vec::new());
        };
        let json = keys.open(Part::Lines, self.id, self.write_id, sealed)?;
        let lines: Vec<(u32, &RawValue)> = serde_json::from_slice(&json).map_err(|_| OpenError)?;
        let read = lines.into_iter().map(|(line, request)| {
            let request = StartIssue::from_json(request.get().as_bytes()).map_err(|_| OpenError)?;
            Ok(PendingLine { line, request })
        });
        read.collect()
    }

    /// The results of the lines that are done.
    pub(crate) fn open_results(&self, keys: &JobKeys) -> Result<Vec<LineResult>, OpenError> {
        let Some(sealed) = &self.results else {
            return Ok(Vec::new());
        };
        let json = keys.open(Part::Results, self.id, self.write_id, sealed)?;
        serde_json::from_slice(&json).map_err(|_| OpenError)
    }

    /// From when on its lines are to be erased, in Unix seconds; `None` if it has none.
    pub fn erase_at_seconds(&self) -> Option<i64> {
        let is_open = self.lines.is_some();
        is_open.then(|| (self.start_by + GRACE).as_second())
    }

    /// The numbers of all its lines, done or not.
    pub(crate) fn line_numbers(&self) -> impl Iterator<Item = u32> + use<> {
        self.id.first_line..self.id.first_line.saturating_add(self.line_count)
    }
}

/// How far a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ChunkProgress {
    /// Its name.
    #[serde(skip)]
    pub id: ChunkId,
    /// How many lines it has.
    pub line_count: u32,
    /// How many of them were started.
    pub started: u32,
    /// How many of them have failed.
    pub failed: u32,
    /// Whether some of its lines are still to be started.
    #[serde(default)]
    pub is_open: bool,
}

impl ChunkProgress {
    /// How many lines are dealt with, and how many of these have failed: in a closed chunk all that were not started.
    pub(crate) fn done_and_failed(&self) -> (u32, u32) {
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

/// A part of a chunk, unless it is empty.
fn sealed<T: Serialize>(
    keys: &JobKeys,
    part: Part,
    id: ChunkId,
    write_id: Uuid,
    lines: &[T],
) -> Result<Option<Vec<u8>>, CryptoError> {
    if lines.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_vec(lines).map_err(|_| CryptoError)?;
    keys.seal(part, id, write_id, json).map(Some)
}

pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bestow_contract::FieldError;
    use serde_json::json;

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
    fn results_keep_their_form() {
        let at = |second| Timestamp::from_second(second).ok();
        for (expires_at, started) in [
            (
                at(1_800_000_000),
                json!({"request_uri": "x", "expires_at": 1_800_000_000}),
            ),
            (None, json!({"request_uri": "x"})),
        ] {
            let result = LineResult {
                line: 1,
                correlation_id: Some("a".parse().unwrap()),
                outcome: LineOutcome::Started {
                    request_uri: "x".to_owned(),
                    tx_code: None,
                    revocation_uuid: None,
                    expires_at,
                },
            };
            let stored = json!({"line": 1, "correlation_id": "a", "outcome": {"started": started}});
            assert_eq!(serde_json::to_value(&result).unwrap(), stored);
            let read: LineResult = serde_json::from_value(stored).unwrap();
            assert_eq!(read, result);
        }
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
