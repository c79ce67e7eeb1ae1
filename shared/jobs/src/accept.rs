//! Accepting an upload: all of it, or nothing.

use bestow_clock::{Clock, IdSource};
use bestow_contract::Problem;
use bestow_sealing::CryptoError;
use thiserror::Error;
use uuid::Uuid;

use crate::chunk::{CHUNK_BYTES, CHUNK_LINES, Chunk, ChunkId, Job, LineResult, PendingLine, count};
use crate::keys::JobKeys;
use crate::message::StartMessage;
use crate::ports::{Jobs, JobsError, QueueError, StartQueue};
use crate::reconcile::LOOK_AFTER;
use crate::upload::Upload;

/// The use case, and what it works with.
pub struct AcceptUpload<J, Q, S> {
    /// The table of jobs.
    pub jobs: J,
    /// The queue that lines are started from.
    pub queue: Q,
    /// The clock, and the source of ids.
    pub system: S,
    /// What chunks are sealed with.
    pub keys: JobKeys,
}

/// Why an upload was not accepted.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// Another upload came under the same idempotency key.
    #[error("the idempotency key was used for another upload")]
    KeyConflict,
    /// The table gave no answer.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The queue took no message.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A chunk could not be sealed.
    #[error(transparent)]
    SealFailed(#[from] CryptoError),
}

impl AcceptError {
    /// What the caller is told.
    pub fn problem(&self) -> Problem {
        match self {
            Self::KeyConflict => Problem::conflict(
                "This Idempotency-Key was used for another upload. Give each upload its own, and \
                 repeat one only with the same body.",
            ),
            Self::SealFailed(_) => Problem::internal(),
            Self::Jobs(_) | Self::Queue(_) => Self::not_kept(),
        }
    }

    /// What the caller is told when the upload could not be kept.
    pub fn not_kept() -> Problem {
        Problem::unavailable(
            "The upload could not be kept. Repeat it: with the same Idempotency-Key, or with a \
             correlation_id in each line, nothing is issued twice.",
        )
        .with_retry_after_seconds(1)
    }
}

impl<J: Jobs, Q: StartQueue, S: Clock + IdSource> AcceptUpload<J, Q, S> {
    /// Stores all lines of an upload and has them started, or finds the job that the same upload made before under the
    /// same idempotency key. `body` is the upload as it came. If this fails, nothing is started, unless the answer of the
    /// table to the acceptance itself was lost.
    ///
    /// A message that has the job looked after is enqueued before the first line is stored: after a crash half-way what
    /// was stored is removed, or, if the job was accepted already, its lines are started.
    pub async fn accept(
        &self,
        upload: Upload,
        body: &[u8],
        idempotency_key: Option<&str>,
    ) -> Result<Job, AcceptError> {
        let upload_hash = self.keys.fingerprint("upload", body);
        let key = idempotency_key.map(|key| self.keys.fingerprint("key", key.as_bytes()));
        let now = self.system.now();
        // A key lasts as long as its job; the table removes both some time after.
        if let Some(key) = &key
            && let Some(known) = self.jobs.by_key(key).await?
            && known.kept_until().as_second() > now.as_second()
        {
            return the_same(known, &upload_hash);
        }
        let job = Job {
            id: self.system.uuid(),
            total: count(upload.lines.len()),
            accepted_at: now,
            upload_hash,
            is_queued: false,
        };
        let chunks = self.chunks(&job, upload)?;
        let look_after = StartMessage::Job { job_id: job.id };
        self.queue.send(&look_after, LOOK_AFTER).await?;
        if let Err(fault) = self.jobs.keep(&chunks).await {
            self.discard(job.id).await;
            return Err(fault.into());
        }
        // If only the answer is lost, whoever looks after the job finds out.
        if let Some(known) = self.jobs.accept(&job, key.as_deref()).await? {
            self.discard(job.id).await;
            return the_same(known, &job.upload_hash);
        }
        self.put_on_queue(&job, &chunks).await;
        Ok(job)
    }

    /// What fails here is done when the job is looked after.
    async fn put_on_queue(&self, job: &Job, chunks: &[Chunk]) {
        let open = chunks.iter().filter(|chunk| chunk.lines.is_some());
        let messages: Vec<_> = open.map(|chunk| StartMessage::first(chunk.id)).collect();
        if let Err(fault) = self.queue.send_all(&messages).await {
            tracing::warn!(job_id = %job.id, %fault, "a job's messages were not all sent; they will be in a minute");
        } else if let Err(fault) = self.jobs.mark_queued(job.id).await {
            tracing::warn!(job_id = %job.id, %fault, "it was not noted that a job is on the queue; its messages come twice");
        }
    }

    async fn discard(&self, job_id: Uuid) {
        if let Err(fault) = self.jobs.discard(job_id).await {
            tracing::warn!(%job_id, %fault, "what was stored of a job that is not accepted will be removed in a minute");
        }
    }

    fn chunks(&self, job: &Job, upload: Upload) -> Result<Vec<Chunk>, CryptoError> {
        let mut chunks = Vec::new();
        let mut open = Open::from(1);
        for (number, line) in (1_u32..).zip(upload.lines) {
            let bytes = match &line {
                Ok(line) => serde_json::to_vec(&line.request)
                    .map_err(|_| CryptoError)?
                    .len(),
                Err(_) => 0,
            };
            if open.is_full(bytes) {
                chunks.push(self.seal(job, &open)?);
                open = Open::from(number);
            }
            open.bytes = open.bytes.saturating_add(bytes);
            match line {
                Ok(line) => open.lines.push(line),
                Err(result) => open.results.push(result),
            }
        }
        chunks.push(self.seal(job, &open)?);
        Ok(chunks)
    }

    fn seal(&self, job: &Job, open: &Open) -> Result<Chunk, CryptoError> {
        let write_id = self.system.uuid();
        let chunk = Chunk {
            id: ChunkId {
                job_id: job.id,
                first_line: open.first_line,
            },
            write_id,
            line_count: count(open.line_count()),
            started: 0,
            failed: 0,
            start_by: job.start_by(),
            kept_until: job.kept_until(),
            lines: None,
            results: None,
        };
        chunk.with(&self.keys, write_id, &open.lines, &open.results)
    }
}

/// A chunk that is being filled.
struct Open {
    first_line: u32,
    bytes: usize,
    lines: Vec<PendingLine>,
    results: Vec<LineResult>,
}

impl Open {
    fn from(first_line: u32) -> Self {
        Self {
            first_line,
            bytes: 0,
            lines: Vec::new(),
            results: Vec::new(),
        }
    }

    fn line_count(&self) -> usize {
        self.lines.len() + self.results.len()
    }

    fn is_full(&self, next_bytes: usize) -> bool {
        match self.line_count() {
            0 => false,
            CHUNK_LINES.. => true,
            _ => self.bytes.saturating_add(next_bytes) > CHUNK_BYTES,
        }
    }
}

fn the_same(known: Job, upload_hash: &str) -> Result<Job, AcceptError> {
    if known.upload_hash == upload_hash {
        Ok(known)
    } else {
        Err(AcceptError::KeyConflict)
    }
}
