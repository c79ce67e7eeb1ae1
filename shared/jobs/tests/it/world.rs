//! Ports in memory that fail when they are told to.

use bestow_clock::{Clock, IdSource};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bestow_contract::{CorrelationId, Problem, StartIssue};
use bestow_issuance::ports::{TransientError, TransientKind, WalletError};
use bestow_issuance::{StartIssueError, StartIssueErrorKind, StartedIssue};
use bestow_jobs::ports::{Issuing, Jobs, JobsError, QueueError, Replaced, StartQueue};
use bestow_jobs::{
    AcceptUpload, Chunk, ChunkId, ChunkProgress, Job, JobKeys, LineOutcome, LineResult, ReadJob,
    StartMessage, StartQueued, Upload,
};
use uuid::Uuid;

/// What the wallet does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wallet {
    Well,
    Refuses,
    Busy,
    Fails,
    /// It makes the offer, and its answer is lost.
    WellButUnheard,
}

/// How a write to the table goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Fine,
    Fails,
    /// It is done, and its answer is lost.
    DoneButUnheard,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<Uuid, Job>,
    keys: BTreeMap<String, Job>,
    chunks: BTreeMap<ChunkId, Chunk>,
    queue: Vec<(StartMessage, Duration)>,
    wallet: VecDeque<Wallet>,
    writes: VecDeque<Write>,
    queue_fails: bool,
    offers: BTreeSet<CorrelationId>,
    asked: usize,
}

#[derive(Clone, Default)]
pub struct World {
    state: Arc<Mutex<State>>,
    now_ms: Arc<AtomicI64>,
    ids: Arc<AtomicU64>,
}

pub const START_MS: i64 = 1_800_000_000_000;

impl World {
    pub fn new() -> Self {
        let world = Self::default();
        world.now_ms.store(START_MS, Ordering::Relaxed);
        world
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn wallet(&self, next: impl IntoIterator<Item = Wallet>) {
        self.state().wallet = next.into_iter().collect();
    }

    pub fn writes(&self, next: impl IntoIterator<Item = Write>) {
        self.state().writes = next.into_iter().collect();
    }

    pub fn queue_fails(&self, fails: bool) {
        self.state().queue_fails = fails;
    }

    pub fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn chunks(&self) -> Vec<Chunk> {
        self.state().chunks.values().cloned().collect()
    }

    /// Takes away the lines whose time is over, as is done each minute, and says of how many chunks.
    pub fn erase_lines(&self) -> usize {
        let now = self.now().as_second();
        let mut erased = 0;
        for chunk in self.state().chunks.values_mut() {
            if chunk.erase_at_seconds().is_some_and(|at| at <= now) {
                chunk.lines = None;
                erased += 1;
            }
        }
        erased
    }

    pub fn offers(&self) -> usize {
        self.state().offers.len()
    }

    /// How often the wallet was asked.
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    /// Takes all messages off the queue, with their delays.
    pub fn messages(&self) -> Vec<(StartMessage, Duration)> {
        std::mem::take(&mut self.state().queue)
    }

    pub fn accept(&self) -> AcceptUpload<Self, Self, Self> {
        AcceptUpload {
            jobs: self.clone(),
            queue: self.clone(),
            system: self.clone(),
            keys: keys(),
        }
    }

    pub fn queued(&self, at_once: usize) -> StartQueued<Self, Self, Self, Self> {
        StartQueued {
            jobs: self.clone(),
            queue: self.clone(),
            issuing: self.clone(),
            system: self.clone(),
            keys: keys(),
            at_once,
            recorded: |_| {},
        }
    }

    pub fn read(&self) -> ReadJob<Self> {
        ReadJob {
            jobs: self.clone(),
            keys: keys(),
        }
    }

    /// All results, whichever pages they come in.
    pub async fn results(&self, job: &Job) -> Vec<LineResult> {
        let (mut results, mut from) = (Vec::new(), Some(1));
        while let Some(line) = from {
            let page = self.read().results(job.id, line).await.unwrap().unwrap();
            results.extend(page.results);
            from = page.next;
        }
        results
    }

    /// Accepts an upload of so many lines that can be started, with names of their own.
    pub async fn job(&self, lines: usize) -> Job {
        let body = ndjson(lines);
        let upload = Upload::from_ndjson(body.as_bytes(), |_| Ok(()), self).unwrap();
        self.accept()
            .accept(upload, body.as_bytes(), None)
            .await
            .unwrap()
    }

    fn write(&self, done: impl FnOnce(&mut State)) -> Result<(), JobsError> {
        let mut state = self.state();
        let how = state.writes.pop_front().unwrap_or(Write::Fine);
        if how != Write::Fails {
            done(&mut state);
        }
        match how {
            Write::Fine => Ok(()),
            Write::Fails | Write::DoneButUnheard => Err(JobsError("the table is away".into())),
        }
    }
}

pub fn keys() -> JobKeys {
    JobKeys::derive(
        &"a secret of at least thirty-two characters"
            .to_owned()
            .into(),
    )
    .unwrap()
}

pub fn ndjson(lines: usize) -> String {
    (1..=lines)
        .map(|line| {
            format!("{{\"correlation_id\": \"line-{line}\", \"template_id\": \"t\", \"claims\": {{}}}}\n")
        })
        .collect()
}

pub fn is_started(result: &LineResult) -> bool {
    matches!(result.outcome, LineOutcome::Started { .. })
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now_ms.load(Ordering::Relaxed)).unwrap()
    }
}

impl IdSource for World {
    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::Relaxed)) + 1)
    }

    fn fraction(&self) -> f64 {
        0.0
    }
}

impl Issuing for World {
    async fn start_issue(&self, request: StartIssue) -> Result<StartedIssue, StartIssueError> {
        tokio::task::yield_now().await;
        let correlation_id = request.correlation_id.unwrap();
        let mut state = self.state();
        state.asked += 1;
        let wallet = state.wallet.pop_front().unwrap_or(Wallet::Well);
        let transient = |kind| {
            StartIssueErrorKind::Wallet(WalletError::Transient(TransientError {
                kind,
                retry_after: (kind == TransientKind::Busy)
                    .then_some(std::time::Duration::from_secs(7)),
                reason: "on purpose".to_owned(),
            }))
        };
        let cause = match wallet {
            Wallet::Well => {
                let is_repeat = !state.offers.insert(correlation_id.clone());
                return Ok(StartedIssue {
                    request_uri: format!("openid-credential-offer://?{correlation_id}"),
                    correlation_id,
                    tx_code: None,
                    revocation_uuid: None,
                    expires_at: None,
                    is_repeat,
                });
            }
            Wallet::WellButUnheard => {
                state.offers.insert(correlation_id.clone());
                transient(TransientKind::TimedOut)
            }
            Wallet::Refuses => WalletError::Refused(Problem::claims_rejected(vec![])).into(),
            Wallet::Busy => transient(TransientKind::Busy),
            Wallet::Fails => transient(TransientKind::Faulty),
        };
        Err(StartIssueError {
            correlation_id,
            cause,
        })
    }
}

impl StartQueue for World {
    async fn send(&self, message: &StartMessage, delay: Duration) -> Result<(), QueueError> {
        if self.state().queue_fails {
            return Err(QueueError("the queue is away".into()));
        }
        self.state().queue.push((message.clone(), delay));
        Ok(())
    }

    async fn send_all(&self, messages: &[StartMessage]) -> Result<(), QueueError> {
        for message in messages {
            self.send(message, Duration::ZERO).await?;
        }
        Ok(())
    }
}

impl Jobs for World {
    async fn keep(&self, chunks: &[Chunk]) -> Result<(), JobsError> {
        // One by one, so that it can fail half-way.
        for chunk in chunks {
            self.write(|state| drop(state.chunks.insert(chunk.id, chunk.clone())))?;
        }
        Ok(())
    }

    async fn accept(&self, job: &Job, key: Option<&str>) -> Result<Option<Job>, JobsError> {
        let mut known = None;
        self.write(|state| {
            let is_kept = |known: &Job| known.kept_until() > job.accepted_at;
            known = key.and_then(|key| state.keys.get(key).cloned().filter(is_kept));
            if known.is_none() {
                state.jobs.insert(job.id, job.clone());
                state
                    .keys
                    .extend(key.map(|key| (key.to_owned(), job.clone())));
            }
        })?;
        Ok(known)
    }

    async fn by_key(&self, key: &str) -> Result<Option<Job>, JobsError> {
        Ok(self.state().keys.get(key).cloned())
    }

    async fn job(&self, id: Uuid) -> Result<Option<Job>, JobsError> {
        Ok(self.state().jobs.get(&id).cloned())
    }

    async fn mark_queued(&self, id: Uuid) -> Result<(), JobsError> {
        self.write(|state| {
            if let Some(job) = state.jobs.get_mut(&id) {
                job.is_queued = true;
            }
        })
    }

    async fn discard(&self, id: Uuid) -> Result<(), JobsError> {
        self.write(|state| state.chunks.retain(|chunk, _| chunk.job_id != id))
    }

    async fn chunk(&self, id: ChunkId) -> Result<Option<Chunk>, JobsError> {
        Ok(self.state().chunks.get(&id).cloned())
    }

    async fn replace(&self, based_on: Uuid, after: &Chunk) -> Result<Replaced, JobsError> {
        let mut replaced = Replaced::Gone;
        self.write(|state| {
            let existing = state.chunks.get(&after.id).cloned();
            let fits = existing.as_ref().is_some_and(|existing| {
                existing.write_id == based_on && (existing.lines.is_some() || after.lines.is_none())
            });
            replaced = if fits {
                state.chunks.insert(after.id, after.clone());
                Replaced::Done
            } else {
                Replaced::instead_of(after, existing)
            };
        })?;
        Ok(replaced)
    }

    async fn progress(&self, id: Uuid) -> Result<Vec<ChunkProgress>, JobsError> {
        let state = self.state();
        let chunks = state.chunks.values().filter(|chunk| chunk.id.job_id == id);
        Ok(chunks
            .map(|chunk| ChunkProgress {
                id: chunk.id,
                line_count: chunk.line_count,
                started: chunk.started,
                failed: chunk.failed,
                is_open: chunk.lines.is_some(),
            })
            .collect())
    }

    async fn chunks_from(
        &self,
        id: Uuid,
        from_line: u32,
    ) -> Result<(Vec<Chunk>, Option<u32>), JobsError> {
        let state = self.state();
        let mut chunks = state
            .chunks
            .values()
            .filter(|chunk| chunk.id.job_id == id && chunk.id.first_line >= from_line);
        let page: Vec<Chunk> = chunks.by_ref().take(2).cloned().collect();
        let next = chunks.next().map(|chunk| chunk.id.first_line);
        Ok((page, next))
    }
}
