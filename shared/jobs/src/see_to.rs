//! Seeing to a job from its upload to its end, by a message that was on the queue before the first claim
//! was stored.

use issuance::LONGEST_DELAY_SECONDS;
use issuance::ports::System;
use uuid::Uuid;

use crate::chunk::ChunkProgress;
use crate::message::StartMessage;
use crate::ports::{Jobs, StartQueue};
use crate::start_chunk::StartQueued;

/// After how many seconds a job is seen to for the first time: when whoever takes the upload is done, or
/// dead (28 seconds).
pub(crate) const FIRST_LOOK_SECONDS: u32 = 60;

/// How long after its last moment a line may be under way, in seconds. What is left after that goes.
const GRACE_SECONDS: i64 = 60;

/// What became of a job that was seen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenTo {
    /// It was never accepted: what was stored of it is gone.
    Discarded,
    /// There is nothing more to see to.
    Over {
        /// How many lines were never started, and have lost their claims now.
        erased: u32,
    },
    /// It goes on.
    Again {
        /// When to look again.
        after_seconds: u32,
    },
}

impl<J: Jobs, Q: StartQueue, I: Send + Sync, S: System> StartQueued<J, Q, I, S> {
    /// Sees to a job: removes one that was never accepted, sends the messages of one whose upload died
    /// before it did, and takes the claims of lines that were not started in time.
    ///
    /// # Errors
    /// What the table or the queue failed at. The message is to be delivered again.
    pub async fn see_to_job(
        &self,
        job_id: Uuid,
    ) -> Result<SeenTo, Box<dyn std::error::Error + Send + Sync>> {
        let Some(job) = self.jobs.job(job_id).await? else {
            self.jobs.discard(job_id).await?;
            return Ok(SeenTo::Discarded);
        };
        let mut open = self.jobs.progress(job_id).await?;
        open.retain(|chunk| chunk.is_open);
        if !job.is_queued {
            self.queue.send_all(&messages(&open)).await?;
            self.jobs.mark_queued(job_id).await?;
        }
        let left = job
            .start_by()
            .saturating_add(GRACE_SECONDS)
            .saturating_sub(self.system.now_ms().div_euclid(1_000));
        if open.is_empty() {
            return Ok(SeenTo::Over { erased: 0 });
        }
        if left > 0 {
            let after_seconds = u32::try_from(left)
                .unwrap_or(u32::MAX)
                .min(LONGEST_DELAY_SECONDS);
            return Ok(SeenTo::Again { after_seconds });
        }
        let mut erased = 0_u32;
        for chunk in open {
            self.jobs.erase_lines(chunk.id).await?;
            let (done, _) = chunk.done_and_failed();
            erased = erased.saturating_add(chunk.line_count.saturating_sub(done));
        }
        Ok(SeenTo::Over { erased })
    }
}

/// The messages of these chunks.
fn messages(chunks: &[ChunkProgress]) -> Vec<StartMessage> {
    chunks
        .iter()
        .map(|chunk| StartMessage::Chunk {
            id: chunk.id,
            failures: 0,
        })
        .collect()
}
