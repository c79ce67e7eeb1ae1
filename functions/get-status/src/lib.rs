//! Get issue status, for backends: `GET /api/v2/issue/{correlation_id}`, and the same where a public client looks for
//! it. Also `GET /openapi.json`, the whole contract, and `GET /events/{type}.schema.json`, the events.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_backend::{IssuanceTable, PollQueue};
use bestow_clock::OperatingSystem;
use bestow_contract::{CorrelationId, EventType, Problem, Scope, paths};
use bestow_issuance::ports::RecordsError;
use bestow_runtime::http::{HttpError, with_problem_fallbacks};
use bestow_runtime::{ConfigError, Env};

/// How long a query may wait for a poll to be enqueued: its answer is known already.
const POLL_NOW_TIMEOUT: Duration = Duration::from_millis(500);

type GetStatus = bestow_issuance::GetStatus<IssuanceTable, PollQueue, OperatingSystem>;

/// The routes of this function, configured from `env`: `PUBLIC_BASE_URL`, `ISSUANCE_TABLE`, `POLL_QUEUE_URL` and the
/// `ACCESS_…` variables. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let openapi = Bytes::from(bestow_contract::openapi(&env.base_url("PUBLIC_BASE_URL")?));
    let sdk = Sdk::from_env(env)?;
    let use_case = GetStatus {
        records: IssuanceTable::from_env(env, &sdk)?,
        queue: PollQueue::from_env(env, &sdk)?.with_send_timeout(POLL_NOW_TIMEOUT),
        system: OperatingSystem,
    };
    let guard = Guard::from_env(env, &sdk)?;
    guard.warm().await;
    let routes = Router::new()
        .route(paths::ISSUE_STATUS, get(issue_status))
        .route(paths::ISSUE_STATUS_ALIAS, get(issue_status))
        .route_layer(guard.require(Scope::IssueRead))
        .route(
            paths::OPENAPI,
            get(async move || cacheable("application/json", openapi)),
        )
        .route(paths::EVENT_SCHEMA, get(schema_of_event))
        .with_state(Arc::new(use_case));
    Ok(with_problem_fallbacks(routes))
}

async fn issue_status(
    State(use_case): State<Arc<GetStatus>>,
    correlation_id: Result<Path<String>, PathRejection>,
) -> Result<Response, HttpError> {
    // Text that cannot be a correlation id names no issuance either.
    let correlation_id = correlation_id
        .ok()
        .and_then(|Path(segment)| CorrelationId::from_path_segment(&segment))
        .ok_or_else(unknown)?;
    let status = use_case
        .get_status(&correlation_id)
        .await
        .map_err(|fault| unreadable(&correlation_id, &fault))?;
    let Some(status) = status else {
        tracing::info!(%correlation_id, "the status of an unknown issuance was asked for");
        return Err(unknown().into());
    };
    tracing::info!(%correlation_id, status = %status.status, "the status of an issuance was read");
    Ok(([(CACHE_CONTROL, "no-store")], Json(status)).into_response())
}

async fn schema_of_event(name: Result<Path<String>, PathRejection>) -> Result<Response, HttpError> {
    let event_type = name
        .ok()
        .and_then(|Path(name)| paths::event_type_of_schema(&name))
        .ok_or_else(|| {
            let first = paths::event_schema_url("", EventType::IssueCreated);
            Problem::not_found(format!(
                "There is no schema of this name. They are named by the type of their events: {first}."
            ))
        })?;
    let schema = bestow_contract::event_schema(event_type);
    Ok(cacheable("application/schema+json", schema))
}

fn cacheable(content_type: &str, body: impl IntoResponse) -> Response {
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "max-age=300")];
    (headers, body).into_response()
}

fn unknown() -> Problem {
    Problem::not_found("No issuance with this correlation_id was accepted.")
}

fn unreadable(correlation_id: &CorrelationId, fault: &RecordsError) -> Problem {
    tracing::error!(%correlation_id, %fault, "the status of an issuance could not be read");
    match fault {
        RecordsError::Malformed { .. } => Problem::internal(),
        RecordsError::Unavailable(_) => {
            Problem::unavailable("The status cannot be read for now. Try again in a moment.")
                .with_retry_after_seconds(1)
        }
    }
}
