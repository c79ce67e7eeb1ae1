//! Looking after a job once its upload is over, by a message that was enqueued before the first claim was stored.

use std::time::Duration;

use uuid::Uuid;

use crate::accept::AcceptError;
use crate::message::StartMessage;
use crate::ports::{Jobs, StartQueue};
use crate::start_chunk::StartQueued;

/// When a job is looked after: when whoever takes the upload is done, or dead (the time-out of start-bulk, 29 seconds).
pub(crate) const LOOK_AFTER: Duration = Duration::from_secs(60);

/// What became of a job that was looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciled {
    /// It was never accepted: what was stored of it is gone.
    Discarded,
    /// It was accepted, and each of its chunks has had a message.
    Queued,
}

impl<J: Jobs, Q: StartQueue, I: Send + Sync, S: Send + Sync> StartQueued<J, Q, I, S> {
    /// Removes a job that was never accepted, and sends the messages of one whose upload died before it did. After a
    /// failure the message is to be received again.
    pub async fn reconcile(&self, job_id: Uuid) -> Result<Reconciled, AcceptError> {
        let Some(job) = self.jobs.job(job_id).await? else {
            self.jobs.discard(job_id).await?;
            return Ok(Reconciled::Discarded);
        };
        if !job.is_queued {
            let chunks = self.jobs.progress(job_id).await?;
            let open = chunks.iter().filter(|chunk| chunk.is_open);
            let messages: Vec<_> = open.map(|chunk| StartMessage::first(chunk.id)).collect();
            self.queue.send_all(&messages).await?;
            self.jobs.mark_queued(job_id).await?;
        }
        Ok(Reconciled::Queued)
    }
}
