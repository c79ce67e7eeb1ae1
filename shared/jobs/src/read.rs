//! Reading a job: how far it is, and what became of its lines.

use std::collections::BTreeMap;

use bestow_sealing::OpenError;
use thiserror::Error;
use uuid::Uuid;

use crate::chunk::{Chunk, ChunkProgress, LineResult};
use crate::keys::JobKeys;
use crate::ports::{Jobs, JobsError};

/// About how many bytes of results make a page: an answer of Lambda has at most 6 MB, in base64.
const PAGE_BYTES: usize = 1_000_000;

/// The use case, and what it works with.
pub struct ReadJob<J> {
    /// The table of jobs.
    pub jobs: J,
    /// What results are sealed with.
    pub keys: JobKeys,
}

/// How far a job is, in lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// All.
    pub total: u32,
    /// Those that are dealt with.
    pub done: u32,
    /// Those of them that have failed.
    pub failed: u32,
}

/// Some results of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultsPage {
    /// Those of lines that are done, in order.
    pub results: Vec<LineResult>,
    /// From which line on there may be more.
    pub next: Option<u32>,
}

/// Why a job could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The table gave no answer.
    #[error(transparent)]
    Jobs(#[from] JobsError),
    /// The results are sealed with another secret, or damaged.
    #[error("what is stored cannot be opened with this JOB_SECRET")]
    NotOurs(#[from] OpenError),
}

impl<J: Jobs> ReadJob<J> {
    /// How far the job is; `None` if there is no such job, or not any more.
    pub async fn progress(&self, job_id: Uuid) -> Result<Option<Progress>, JobsError> {
        let (job, chunks) =
            futures::future::try_join(self.jobs.job(job_id), self.jobs.progress(job_id)).await?;
        let counts = chunks.iter().map(ChunkProgress::done_and_failed);
        let (done, failed): (Vec<u32>, Vec<u32>) = counts.unzip();
        Ok(job.map(|job| Progress {
            total: job.total,
            done: done.iter().sum(),
            failed: failed.iter().sum(),
        }))
    }

    /// The results from `from_line` on, which is 1 or what a page before named; `None` if there is no such job.
    pub async fn results(
        &self,
        job_id: Uuid,
        from_line: u32,
    ) -> Result<Option<ResultsPage>, ReadError> {
        if self.jobs.job(job_id).await?.is_none() {
            return Ok(None);
        }
        let mut results = Vec::new();
        let mut bytes = 0_usize;
        let mut next = Some(from_line);
        while let Some(from) = next
            && bytes < PAGE_BYTES
        {
            let (chunks, more) = self.jobs.chunks_from(job_id, from).await?;
            for chunk in &chunks {
                bytes = bytes.saturating_add(chunk.results.as_ref().map_or(0, Vec::len));
                results.extend(self.results_of(chunk)?);
            }
            next = more;
        }
        Ok(Some(ResultsPage { results, next }))
    }

    /// Lines of a closed chunk without a result lost their claims before they were started.
    fn results_of(&self, chunk: &Chunk) -> Result<Vec<LineResult>, OpenError> {
        let recorded = chunk.open_results(&self.keys)?;
        if chunk.lines.is_some() {
            return Ok(recorded);
        }
        let too_late = chunk
            .line_numbers()
            .map(|line| LineResult::too_late(line, None));
        let results = too_late.chain(recorded).map(|result| (result.line, result));
        Ok(results.collect::<BTreeMap<_, _>>().into_values().collect())
    }
}
