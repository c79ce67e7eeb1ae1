//! Results as NDJSON, a page at a time.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK};
use axum::response::{IntoResponse, Response};
use bestow_contract::{FailedLine, JobResult, NDJSON, Problem, StartedLine, paths};
use bestow_jobs::{LineOutcome, LineResult, ResultsPage};
use uuid::Uuid;

/// The answer with a page of results, and where it goes on.
pub(crate) fn answer(
    public_base_url: &str,
    job_id: Uuid,
    page: ResultsPage,
) -> Result<Response, Problem> {
    let mut body = Vec::new();
    for result in page.results {
        let Some(line) = on_the_wire(public_base_url, result) else {
            return Err(Problem::internal());
        };
        serde_json::to_writer(&mut body, &line).map_err(|_| Problem::internal())?;
        body.push(b'\n');
    }
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(NDJSON)),
        // Whoever knows a link can take the credential.
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (headers, body).into_response();
    if let Some(line) = page.next {
        let results = paths::job_results_url(public_base_url, job_id);
        let link = HeaderValue::from_str(&format!("<{results}?cursor={line}>; rel=\"next\""))
            .map_err(|_| Problem::internal())?;
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

/// `None` for a started line without a name, which is never stored.
fn on_the_wire(public_base_url: &str, result: LineResult) -> Option<JobResult> {
    let LineResult {
        line,
        correlation_id,
        outcome,
    } = result;
    match outcome {
        LineOutcome::Started {
            request_uri,
            tx_code,
            revocation_uuid,
            expires_at,
        } => {
            let correlation_id = correlation_id?;
            Some(JobResult::Started(StartedLine {
                line,
                status_uri: paths::issue_status_url(public_base_url, &correlation_id),
                correlation_id,
                request_uri,
                tx_code,
                revocation_uuid,
                expires_at: expires_at.and_then(|at| u64::try_from(at.as_second()).ok()),
            }))
        }
        LineOutcome::Failed(problem) => Some(JobResult::Failed(FailedLine {
            line,
            correlation_id,
            problem,
        })),
    }
}
