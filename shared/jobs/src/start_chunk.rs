//! Starting the lines of a chunk that are not done.

use bestow_clock::{Clock, IdSource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bestow_issuance::back_off_seconds;
use bestow_sealing::{CryptoError, OpenError};
use futures::{StreamExt, stream};
use thiserror::Error;

use crate::chunk::{Chunk, ChunkId, LineOutcome, LineResult, PendingLine};
use crate::decision::{self, Decision, Later, WaitsFor};
use crate::keys::JobKeys;
use crate::ports::{Issuing, Jobs, JobsError, Replaced};

/// How long one pass over a chunk begins new lines, in milliseconds. The function's time-out
/// (`template.yaml`) has room for this, for the lines that are then under way, and for the record.
pub const PASS_MS: i64 = 20_000;

/// After how many failures at single lines a pass leaves the wallet alone.
const MOST_FAULTS: u32 = 3;

/// How often a chunk is written again that others wrote before.
const MAX_CONTENTION: usize = 5;

/// The use cases of the start queue, and what they work with.
pub struct StartQueued<J, Q, I, S> {
    /// The table of jobs.
    pub jobs: J,
    /// The queue.
    pub queue: Q,
    /// Start issue.
    pub issuing: I,
    /// Tells the time, and draws ids and jitter.
    pub system: S,
    /// What chunks are sealed with.
    pub keys: JobKeys,
    /// How many lines of a chunk are started at a time.
    pub at_once: usize,
    /// Hears of each line whose result was recorded, once.
    pub recorded: fn(&LineOutcome),
}

/// What one pass over a chunk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// All its lines are done, now or before.
    Done,
    /// Some are not.
    Unfinished {
        /// When to go on.
        after_seconds: u32,
        /// How often in a row the wallet has now failed; 0 if something was done.
        failures: u32,
    },
}

/// Why a pass failed. What it started is found again by the next one.
#[derive(Debug, Error)]
pub enum ChunkError {
    /// The table gave no answer.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The chunk is sealed with another secret, or damaged.
    #[error("what is stored cannot be opened with this JOB_SECRET")]
    NotOurs(#[from] OpenError),
    /// The chunk could not be sealed.
    #[error(transparent)]
    SealFailed(#[from] CryptoError),
    /// Others kept changing the chunk.
    #[error("the chunk is being changed by too many at once")]
    Contention,
}

/// What became of a line in a pass.
enum Attempt {
    Done(LineResult),
    Later(PendingLine, Later),
    NotBegun(PendingLine),
}

/// What the lines of a pass tell each other.
struct Shared {
    begin_until_ms: i64,
    faults: AtomicU32,
    stop: AtomicBool,
}

impl<J: Jobs, Q: Send + Sync, I: Issuing, S: Clock + IdSource> StartQueued<J, Q, I, S> {
    /// Starts the lines of a chunk that are not done, before which the wallet has failed `failures` times
    /// in a row. Lines that were started are recorded before this returns, and their claims are gone.
    ///
    /// # Errors
    /// [`ChunkError`]: the message is to be delivered again.
    pub async fn start_chunk(&self, id: ChunkId, failures: u32) -> Result<Pass, ChunkError> {
        let Some(chunk) = self.jobs.chunk(id).await? else {
            return Ok(Pass::Done);
        };
        let mut lines = chunk.open_lines(&self.keys)?;
        if lines.is_empty() {
            return Ok(Pass::Done);
        }
        // So that lines at which the wallet fails do not keep it from the others.
        let begin = failures.saturating_mul(MOST_FAULTS) as usize % lines.len();
        lines.rotate_left(begin);

        let is_last = self.now_seconds() >= chunk.start_by;
        let (results, rest) = self.pass(lines).await;
        let (results, later) = if is_last {
            (give_up(results, rest), Vec::new())
        } else {
            (results, rest)
        };
        let something_done = !results.is_empty();
        if something_done {
            self.record(chunk.clone(), results).await?;
        }
        if later.is_empty() {
            return Ok(Pass::Done);
        }
        let failures = if something_done {
            0
        } else {
            failures.saturating_add(1)
        };
        Ok(Pass::Unfinished {
            after_seconds: self.wait(&later, failures, chunk.start_by),
            failures,
        })
    }

    /// The results of the lines that are done, and the lines that are not.
    async fn pass(&self, lines: Vec<PendingLine>) -> (Vec<LineResult>, Vec<Attempt>) {
        let shared = Shared {
            begin_until_ms: self.system.now().as_millisecond().saturating_add(PASS_MS),
            faults: AtomicU32::new(0),
            stop: AtomicBool::new(false),
        };
        let (mut results, rest) = self.attempts(lines, &shared).await;
        // The same line twice: what the one was waiting for is done now.
        let (again, mut rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|attempt| {
            matches!(attempt, Attempt::Later(_, later) if later.waits_for == WaitsFor::Itself)
        });
        let again = again.into_iter().filter_map(Attempt::into_line).collect();
        let (more, still) = self.attempts(again, &shared).await;
        results.extend(more);
        rest.extend(still);
        (results, rest)
    }

    async fn attempts(
        &self,
        lines: Vec<PendingLine>,
        shared: &Shared,
    ) -> (Vec<LineResult>, Vec<Attempt>) {
        let mut results = Vec::with_capacity(lines.len());
        let mut rest = Vec::new();
        let mut attempts = stream::iter(lines)
            .map(|line| self.attempt(line, shared))
            .buffer_unordered(self.at_once.max(1));
        while let Some(attempt) = attempts.next().await {
            match attempt {
                Attempt::Done(result) => results.push(result),
                other => rest.push(other),
            }
        }
        (results, rest)
    }

    async fn attempt(&self, line: PendingLine, shared: &Shared) -> Attempt {
        if shared.stop.load(Ordering::Relaxed)
            || self.system.now().as_millisecond() >= shared.begin_until_ms
        {
            return Attempt::NotBegun(line);
        }
        match decision::start(&self.issuing, line.request.clone()).await {
            Ok(started) => Attempt::Done(LineResult {
                line: line.line,
                correlation_id: Some(started.correlation_id),
                outcome: LineOutcome::Started {
                    request_uri: started.request_uri,
                    tx_code: started.tx_code.map(|code| code.0),
                    revocation_uuid: started.revocation_uuid,
                    expires_at: started.expires_at,
                },
            }),
            Err((correlation_id, Decision::Refused(problem))) => {
                Attempt::Done(LineResult::failed(line.line, Some(correlation_id), problem))
            }
            Err((_, Decision::Later(later))) => {
                shared.note(later.waits_for);
                Attempt::Later(line, later)
            }
        }
    }

    /// Moves lines to the results, whatever others did to the chunk meanwhile. Of two results of a line,
    /// the one that is recorded stands.
    async fn record(&self, mut chunk: Chunk, new: Vec<LineResult>) -> Result<(), ChunkError> {
        for _ in 0..MAX_CONTENTION {
            let recorded = chunk.open_results(&self.keys)?;
            let mut results: BTreeMap<u32, LineResult> = new
                .iter()
                .map(|result| (result.line, result.clone()))
                .collect();
            let known: BTreeSet<u32> = recorded.iter().map(|result| result.line).collect();
            results.extend(recorded.into_iter().map(|result| (result.line, result)));
            let mut lines = chunk.open_lines(&self.keys)?;
            lines.retain(|line| !results.contains_key(&line.line));
            let results: Vec<_> = results.into_values().collect();
            let based_on = chunk.write_id;
            let after = chunk.with(&self.keys, self.system.uuid(), &lines, &results)?;
            match self.jobs.replace(based_on, &after).await? {
                Replaced::Done => {
                    let fresh = new.iter().filter(|result| !known.contains(&result.line));
                    fresh.for_each(|result| (self.recorded)(&result.outcome));
                    return Ok(());
                }
                Replaced::Gone => return Ok(()),
                Replaced::Overtaken(current) => chunk = *current,
            }
        }
        Err(ChunkError::Contention)
    }

    /// When to go on: at once if only time was up, otherwise when those who are waited for may be well,
    /// but not after the last moment.
    fn wait(&self, rest: &[Attempt], failures: u32, start_by: i64) -> u32 {
        let waits = rest.iter().filter_map(|attempt| match attempt {
            Attempt::Later(_, later) => Some(self.wait_for(later, failures)),
            _ => None,
        });
        let until_last = start_by.saturating_sub(self.now_seconds()).max(1);
        let longest = u32::try_from(until_last).unwrap_or(u32::MAX);
        waits.max().unwrap_or(0).min(longest)
    }

    pub(crate) fn wait_for(&self, later: &Later, failures: u32) -> u32 {
        match later.waits_for {
            WaitsFor::Itself => later.retry_after_seconds.unwrap_or(1),
            WaitsFor::Everything | WaitsFor::Wallet => {
                let jitter = self.system.fraction();
                back_off_seconds(failures.max(1), later.retry_after_seconds, jitter)
            }
        }
    }

    pub(crate) fn now_seconds(&self) -> i64 {
        self.system.now().as_millisecond().div_euclid(1_000)
    }
}

impl Shared {
    fn note(&self, waits_for: WaitsFor) {
        let stop = match waits_for {
            WaitsFor::Itself => false,
            WaitsFor::Everything => true,
            WaitsFor::Wallet => self.faults.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_FAULTS,
        };
        if stop {
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Attempt {
    fn into_line(self) -> Option<PendingLine> {
        match self {
            Self::Later(line, _) | Self::NotBegun(line) => Some(line),
            Self::Done(_) => None,
        }
    }
}

/// The results with those of the lines that nobody will try again.
fn give_up(mut results: Vec<LineResult>, rest: Vec<Attempt>) -> Vec<LineResult> {
    results.extend(rest.into_iter().filter_map(|attempt| match attempt {
        Attempt::Later(line, later) => Some(LineResult::failed(
            line.line,
            line.request.correlation_id,
            later.problem,
        )),
        Attempt::NotBegun(line) => {
            Some(LineResult::too_late(line.line, line.request.correlation_id))
        }
        Attempt::Done(_) => None,
    }));
    results
}
