//! Bulk start, for backends: takes an upload of many Start-issue bodies, and tells how far the job is and what became of
//! each line.

mod results;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_backend::{JobTable, StartQueue};
use bestow_clock::OperatingSystem;
use bestow_contract::{JobAccepted, JobStatus, Problem, Scope, paths};
use bestow_egress::Allowed;
use bestow_jobs::{AcceptError, AcceptUpload, JobKeys, ReadError, ReadJob};
use bestow_runtime::http::{HttpError, with_problem_fallbacks};
use bestow_runtime::{ConfigError, Env};
use serde::Deserialize;
use uuid::Uuid;

/// How long it may take to store an upload. The function's time-out is 29 seconds, and the answer is to be ours.
const ACCEPT_LIMIT: Duration = Duration::from_secs(24);

/// What the handlers work with.
struct Config {
    /// `PUBLIC_BASE_URL`, without a trailing slash: what addresses in answers begin with.
    public_base_url: String,
    /// `EGRESS_ALLOW`: where callbacks may go, besides the public internet.
    allowed: Allowed,
    /// With `JOB_TABLE`, `START_QUEUE_URL` and `JOB_SECRET`.
    accept: AcceptUpload<JobTable, StartQueue, OperatingSystem>,
    /// With `JOB_TABLE` and `JOB_SECRET`.
    read: ReadJob<JobTable>,
}

impl Config {
    fn from_env(env: &Env, sdk: &Sdk) -> Result<Self, ConfigError> {
        let table = env.required("JOB_TABLE", "the name of the table of jobs")?;
        let queue = env.required("START_QUEUE_URL", "the URL of the start queue")?;
        let secret = env.master_secret("JOB_SECRET")?;
        let keys =
            || JobKeys::derive(&secret).map_err(|fault| ConfigError::invalid("JOB_SECRET", fault));
        let jobs = JobTable::new(sdk.dynamodb(), table);
        Ok(Self {
            public_base_url: env.base_url("PUBLIC_BASE_URL")?,
            allowed: Allowed::from_env(env)?,
            accept: AcceptUpload {
                jobs: jobs.clone(),
                queue: StartQueue::new(sdk.sqs(), queue),
                system: OperatingSystem,
                keys: keys()?,
            },
            read: ReadJob {
                jobs,
                keys: keys()?,
            },
        })
    }
}

/// The routes of this function, configured from `env`: the variables at the fields of `Config`, and those of
/// [`Guard::from_env`]. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let sdk = Sdk::from_env(env)?;
    let config = Config::from_env(env, &sdk)?;
    let guard = Guard::from_env(env, &sdk)?;
    guard.warm().await;
    let start = Router::new()
        .route(paths::START_BULK, post(start_bulk))
        .route_layer(guard.require(Scope::IssueWrite));
    let routes = Router::new()
        .route(paths::JOB_STATUS, get(job_status))
        .route(paths::JOB_RESULTS, get(job_results))
        .route_layer(guard.require(Scope::IssueRead))
        .merge(start)
        .with_state(Arc::new(config));
    Ok(with_problem_fallbacks(routes))
}

async fn start_bulk(
    State(config): State<Arc<Config>>,
    request: Request,
) -> Result<Response, HttpError> {
    let idempotency_key = upload::idempotency_key(request.headers())?;
    let kind = upload::kind(request.headers())?;
    let body = bestow_runtime::http::read_body(request, bestow_contract::MAX_UPLOAD_BYTES).await?;
    let upload = upload::read(kind, &body, &config.allowed, &config.accept.system)?;
    let key = idempotency_key.as_deref();
    let accepting = config.accept.accept(upload, &body, key);
    let Ok(accepted) = tokio::time::timeout(ACCEPT_LIMIT, accepting).await else {
        let limit_seconds = ACCEPT_LIMIT.as_secs();
        tracing::error!(limit_seconds, "an upload was not kept in time");
        return Err(AcceptError::not_kept().into());
    };
    let job = accepted.map_err(|failure| not_accepted(&failure))?;
    tracing::info!(job_id = %job.id, total = job.total, "an upload was accepted");
    let status_uri = paths::job_status_url(&config.public_base_url, job.id);
    let location = HeaderValue::from_str(&status_uri).map_err(|_| Problem::internal())?;
    let answer = JobAccepted {
        job_id: job.id,
        status_uri,
        total: job.total,
    };
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (LOCATION, location),
    ];
    Ok((StatusCode::ACCEPTED, headers, Json(answer)).into_response())
}

type JobId = Result<Path<Uuid>, PathRejection>;

async fn job_status(
    State(config): State<Arc<Config>>,
    job_id: JobId,
) -> Result<Response, HttpError> {
    let job_id = well_formed(job_id)?;
    let progress = config.read.progress(job_id).await;
    let progress = progress.map_err(|fault| unreadable(job_id, &fault.into()))?;
    let progress = progress.ok_or_else(unknown)?;
    tracing::info!(%job_id, done = progress.done, failed = progress.failed, "the progress of a job was read");
    let status = JobStatus {
        job_id,
        total: progress.total,
        done: progress.done,
        failed: progress.failed,
        results_uri: paths::job_results_url(&config.public_base_url, job_id),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(status)).into_response())
}

/// Where the results go on.
#[derive(Deserialize)]
struct Cursor {
    cursor: Option<u32>,
}

async fn job_results(
    State(config): State<Arc<Config>>,
    job_id: JobId,
    cursor: Result<Query<Cursor>, QueryRejection>,
) -> Result<Response, HttpError> {
    let job_id = well_formed(job_id)?;
    let Query(Cursor { cursor }) = cursor.map_err(|_| {
        Problem::invalid_request(
            "The cursor is not one of ours: go on at the URL in the Link header.",
        )
    })?;
    let page = config.read.results(job_id, cursor.unwrap_or(1)).await;
    let page = page.map_err(|fault| unreadable(job_id, &fault))?;
    let page = page.ok_or_else(unknown)?;
    tracing::info!(%job_id, lines = page.results.len(), "results of a job were read");
    Ok(results::answer(&config.public_base_url, job_id, page)?)
}

fn well_formed(job_id: JobId) -> Result<Uuid, Problem> {
    job_id
        .map(|Path(uuid)| uuid)
        .map_err(|_| Problem::invalid_request("The job in the path is not a UUID: give a job_id."))
}

fn unknown() -> Problem {
    Problem::not_found("No job with this job_id was accepted within the last week.")
}

fn not_accepted(failure: &AcceptError) -> Problem {
    match failure {
        AcceptError::KeyConflict => {
            tracing::info!("an upload was refused: another one came under its idempotency key");
        }
        AcceptError::Jobs(_) | AcceptError::Queue(_) | AcceptError::SealFailed(_) => {
            tracing::error!(fault = %failure, "an upload could not be kept");
        }
    }
    failure.problem()
}

fn unreadable(job_id: Uuid, failure: &ReadError) -> Problem {
    tracing::error!(%job_id, fault = %failure, "a job could not be read");
    match failure {
        ReadError::Jobs(_) => {
            Problem::unavailable("The job cannot be read for now. Try again in a moment.")
                .with_retry_after_seconds(1)
        }
        ReadError::NotOurs(_) => Problem::internal(),
    }
}
