//! Starting the lines of a chunk that are not done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bestow_clock::{Clock, IdSource};
use bestow_issuance::back_off;
use bestow_sealing::{CryptoError, OpenError};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use thiserror::Error;

use crate::chunk::{Chunk, ChunkId, LineOutcome, LineResult, PendingLine};
use crate::decision::{self, NotStarted, Retry, WaitsFor};
use crate::keys::JobKeys;
use crate::ports::{Issuing, Jobs, JobsError, Replaced};

/// How long one pass over a chunk begins new lines. The function's time-out (`template.yaml`) has room for this, for the
/// lines that are then under way, and for the record.
pub const PASS: Duration = Duration::from_secs(20);

/// After how many failures at single lines a pass leaves the wallet alone.
const MOST_FAULTS: u32 = 3;

/// How often a chunk is written again when another write came first.
const MAX_CONTENTION: usize = 5;

/// The use cases of the start queue, and what they work with.
pub struct StartQueued<J, Q, I, S> {
    /// The table of jobs.
    pub jobs: J,
    /// The queue.
    pub queue: Q,
    /// Start issue.
    pub issuing: I,
    /// The clock, and the source of ids and jitter.
    pub system: S,
    /// What chunks are sealed with.
    pub keys: JobKeys,
    /// How many lines of a chunk are started at a time.
    pub at_once: usize,
    /// Hears of each line whose result was recorded, once.
    pub recorded: fn(&LineOutcome),
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// All its lines are done, now or before.
    Done,
    /// Some are not.
    Unfinished {
        /// When to go on.
        after: Duration,
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

/// A line that is not done, and why; `None` if it was not begun.
type Rest = (PendingLine, Option<NotStarted>);

/// What the lines of a pass tell each other.
struct Shared {
    begin_until: Timestamp,
    /// From [`MOST_FAULTS`] on, no line is begun.
    faults: AtomicU32,
}

impl<J: Jobs, Q: Send + Sync, I: Issuing, S: Clock + IdSource> StartQueued<J, Q, I, S> {
    /// Starts the lines of a chunk that are not done, before which the wallet has failed `failures` times in a row. When
    /// this returns, lines that were started are recorded, and their claims are gone. After a failure the message is to
    /// be received again.
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

        let is_last = self.system.now() >= chunk.start_by;
        let (mut results, mut rest) = self.pass(lines).await;
        if is_last {
            results.extend(rest.drain(..).map(given_up));
        }
        let something_done = !results.is_empty();
        if something_done {
            self.record(chunk.clone(), results).await?;
        }
        if rest.is_empty() {
            return Ok(Pass::Done);
        }
        let failures = if something_done {
            0
        } else {
            failures.saturating_add(1)
        };
        Ok(Pass::Unfinished {
            after: self.wait(&rest, failures, chunk.start_by),
            failures,
        })
    }

    /// The results of the lines that are done, and the lines that are not.
    async fn pass(&self, lines: Vec<PendingLine>) -> (Vec<LineResult>, Vec<Rest>) {
        let shared = Shared {
            begin_until: self.system.now() + PASS,
            faults: AtomicU32::new(0),
        };
        let (mut results, rest) = self.attempts(lines, &shared).await;
        // The same line twice: what the one was waiting for is done now.
        let (again, mut rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, why)| {
            retry(why.as_ref()).is_some_and(|retry| retry.waits_for == WaitsFor::Itself)
        });
        let again = again.into_iter().map(|(line, _)| line).collect();
        let (more, still) = self.attempts(again, &shared).await;
        results.extend(more);
        rest.extend(still);
        (results, rest)
    }

    async fn attempts(
        &self,
        lines: Vec<PendingLine>,
        shared: &Shared,
    ) -> (Vec<LineResult>, Vec<Rest>) {
        let (mut results, mut rest) = (Vec::with_capacity(lines.len()), Vec::new());
        let mut attempts = stream::iter(lines)
            .map(|line| self.attempt(line, shared))
            .buffer_unordered(self.at_once.max(1));
        while let Some(attempt) = attempts.next().await {
            match attempt {
                Ok(result) => results.push(result),
                Err(line) => rest.push(*line),
            }
        }
        (results, rest)
    }

    async fn attempt(&self, line: PendingLine, shared: &Shared) -> Result<LineResult, Box<Rest>> {
        if shared.faults.load(Ordering::Relaxed) >= MOST_FAULTS
            || self.system.now() >= shared.begin_until
        {
            return Err(Box::new((line, None)));
        }
        let started = match decision::start(&self.issuing, line.request.clone()).await {
            Ok(started) => started,
            Err(not) => {
                let Some(retry) = not.retry else {
                    let correlation_id = Some(not.correlation_id);
                    return Ok(LineResult::failed(line.line, correlation_id, not.problem));
                };
                shared.note(retry.waits_for);
                return Err(Box::new((line, Some(not))));
            }
        };
        Ok(LineResult {
            line: line.line,
            correlation_id: Some(started.correlation_id),
            outcome: LineOutcome::Started {
                request_uri: started.request_uri,
                tx_code: started.tx_code.map(|code| code.expose_secret().to_owned()),
                revocation_uuid: started.revocation_uuid,
                expires_at: started.expires_at,
            },
        })
    }

    /// Moves lines to the results, whatever others did to the chunk meanwhile. Of two results of a line, the one that is
    /// recorded stands.
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

    /// When to go on: at once if only time was up, otherwise when those who are waited for may be well, but not after the
    /// last moment.
    fn wait(&self, rest: &[Rest], failures: u32, start_by: Timestamp) -> Duration {
        let retries = rest.iter().filter_map(|(_, why)| retry(why.as_ref()));
        let wait = retries.map(|retry| self.wait_for(retry, failures)).max();
        let until_last = start_by.as_second() - self.system.now().as_second();
        let longest = Duration::from_secs(u64::try_from(until_last).unwrap_or(0).max(1));
        wait.unwrap_or_default().min(longest)
    }

    pub(crate) fn wait_for(&self, retry: Retry, failures: u32) -> Duration {
        match retry.waits_for {
            WaitsFor::Itself => Duration::from_secs(1),
            WaitsFor::Everything | WaitsFor::Wallet => {
                let jitter = self.system.fraction();
                back_off(failures.max(1), retry.retry_after, jitter)
            }
        }
    }
}

impl Shared {
    fn note(&self, waits_for: WaitsFor) {
        let faults = match waits_for {
            WaitsFor::Itself => 0,
            WaitsFor::Wallet => 1,
            WaitsFor::Everything => MOST_FAULTS,
        };
        self.faults.fetch_add(faults, Ordering::Relaxed);
    }
}

/// How a line is tried again that was begun.
fn retry(why: Option<&NotStarted>) -> Option<Retry> {
    why.and_then(|why| why.retry)
}

/// The result of a line that nobody will try again.
fn given_up((line, why): Rest) -> LineResult {
    let correlation_id = line.request.correlation_id;
    match why {
        Some(why) => LineResult::failed(line.line, correlation_id, why.problem),
        None => LineResult::too_late(line.line, correlation_id),
    }
}
