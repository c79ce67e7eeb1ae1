//! Reading a job: how far it is, and what became of its lines.

use std::collections::BTreeMap;

use bestow_sealing::OpenError;
use thiserror::Error;
use uuid::Uuid;

use crate::chunk::{Chunk, LineResult};
use crate::keys::JobKeys;
use crate::ports::{Jobs, JobsError};

/// About how many bytes of results make a page. An answer of Lambda has at most 6 MB, in base64.
const PAGE_BYTES: usize = 1_000_000;

/// The use case, and what it works with.
pub struct ReadJob<J> {
    /// The table of jobs.
    pub jobs: J,
    /// What results are sealed with.
    pub keys: JobKeys,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many lines it has.
    pub total: u32,
    /// How many of them are dealt with.
    pub done: u32,
    /// How many of those have failed.
    pub failed: u32,
}

/// Some results of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultsPage {
    /// The lines that are done, in order.
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
    /// How far the job is; none if there is no such job, or not any more.
    ///
    /// # Errors
    /// The table gave no answer.
    pub async fn progress(&self, job_id: Uuid) -> Result<Option<Progress>, JobsError> {
        let (job, chunks) =
            futures::future::try_join(self.jobs.job(job_id), self.jobs.progress(job_id)).await?;
        Ok(job.map(|job| {
            let nothing = Progress {
                total: job.total,
                done: 0,
                failed: 0,
            };
            chunks.iter().fold(nothing, |sum, chunk| {
                let (done, failed) = chunk.done_and_failed();
                Progress {
                    done: sum.done.saturating_add(done),
                    failed: sum.failed.saturating_add(failed),
                    ..sum
                }
            })
        }))
    }

    /// The results from `from_line` on, which a page before named, or 1; none if there is no such job.
    ///
    /// # Errors
    /// The table gave no answer, or what it has cannot be opened.
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

    /// Lines of a closed chunk that have no result lost their claims before they were started.
    fn results_of(&self, chunk: &Chunk) -> Result<Vec<LineResult>, OpenError> {
        let recorded = chunk.open_results(&self.keys)?;
        if chunk.lines.is_some() {
            return Ok(recorded);
        }
        let mut results: BTreeMap<u32, LineResult> = recorded
            .into_iter()
            .map(|result| (result.line, result))
            .collect();
        for line in chunk.line_numbers() {
            results
                .entry(line)
                .or_insert_with(|| LineResult::too_late(line, None));
        }
        Ok(results.into_values().collect())
    }
}
