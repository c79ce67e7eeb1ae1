//! What the use cases need from outside, one capability each.

use std::future::Future;
use std::time::Duration;

use bestow_clock::{Clock, IdSource};
use bestow_contract::StartIssue;
use bestow_issuance::ports::{Cause, IssuingWallet, PollQueue, Records};
use bestow_issuance::{Outcome, StartIssueError, StartIssuing, StartedIssue, Versioned};
use thiserror::Error;
use uuid::Uuid;

use crate::chunk::{Chunk, ChunkId, ChunkProgress, Job};
use crate::message::StartMessage;

/// The table of jobs. Nothing of a job is to be seen before it is accepted.
pub trait Jobs: Send + Sync {
    /// Stores chunks of a job that is not accepted yet.
    fn keep(&self, chunks: &[Chunk]) -> impl Future<Output = Result<(), JobsError>> + Send;

    /// Stores the job, unless another one that is still kept is stored under `key` (the name of an idempotency key): then
    /// it gives that.
    fn accept(
        &self,
        job: &Job,
        key: Option<&str>,
    ) -> impl Future<Output = Result<Option<Job>, JobsError>> + Send;

    /// The job that was accepted under `key`, even if it is not kept any more.
    fn by_key(&self, key: &str) -> impl Future<Output = Result<Option<Job>, JobsError>> + Send;

    /// The job, if it was accepted.
    fn job(&self, id: Uuid) -> impl Future<Output = Result<Option<Job>, JobsError>> + Send;

    /// Notes that each chunk of the job has its message.
    fn mark_queued(&self, id: Uuid) -> impl Future<Output = Result<(), JobsError>> + Send;

    /// Removes the chunks of a job that was not accepted.
    fn discard(&self, id: Uuid) -> impl Future<Output = Result<(), JobsError>> + Send;

    /// A chunk.
    fn chunk(&self, id: ChunkId) -> impl Future<Output = Result<Option<Chunk>, JobsError>> + Send;

    /// Stores `after` if the stored chunk is still the one that the write `based_on` made, and still has lines if
    /// `after` has some. Otherwise it tells what is there instead.
    fn replace(
        &self,
        based_on: Uuid,
        after: &Chunk,
    ) -> impl Future<Output = Result<Replaced, JobsError>> + Send;

    /// How far each chunk of the job is, in the order of the lines.
    fn progress(
        &self,
        id: Uuid,
    ) -> impl Future<Output = Result<Vec<ChunkProgress>, JobsError>> + Send;

    /// A page of the job's chunks, in the order of the lines, from the first one that begins at `from_line` or later,
    /// and the line at which the next page begins.
    fn chunks_from(
        &self,
        id: Uuid,
        from_line: u32,
    ) -> impl Future<Output = Result<(Vec<Chunk>, Option<u32>), JobsError>> + Send;
}

impl Versioned for Chunk {
    fn write_id(&self) -> Uuid {
        self.write_id
    }
}

/// What became of a write of a chunk.
pub type Replaced = Outcome<Chunk>;

/// The table of jobs gave no answer, or one that cannot be understood.
#[derive(Debug, Error)]
#[error("the table of jobs gave no answer: {0}")]
pub struct JobsError(pub Cause);

/// The queue that issuances are started from.
pub trait StartQueue: Send + Sync {
    /// Enqueues `message`, to be delivered after `delay`: whole seconds, at most 900.
    fn send(
        &self,
        message: &StartMessage,
        delay: Duration,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Enqueues all of these, to be delivered now.
    fn send_all(
        &self,
        messages: &[StartMessage],
    ) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// The queue did not take a message, or its answer was lost.
#[derive(Debug, Error)]
#[error("the start queue did not take a message: {0}")]
pub struct QueueError(pub Cause);

/// Start issue.
pub trait Issuing: Send + Sync {
    /// See [`StartIssuing::start_issue`].
    fn start_issue(
        &self,
        request: StartIssue,
    ) -> impl Future<Output = Result<StartedIssue, StartIssueError>> + Send;
}

impl<R: Records, W: IssuingWallet, Q: PollQueue, S: Clock + IdSource> Issuing
    for StartIssuing<R, W, Q, S>
{
    async fn start_issue(&self, request: StartIssue) -> Result<StartedIssue, StartIssueError> {
        StartIssuing::start_issue(self, request).await
    }
}
