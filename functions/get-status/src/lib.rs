//! Get issue status, for backends: `GET /api/v2/issue/{correlation_id}`, and the same where a public
//! client looks for it. Also `GET /openapi.json`, which describes the whole contract, and
//! `GET /events/{type}.schema.json`, which describe the events.

mod config;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bestow_contract::{CorrelationId, EventType, Problem, Scope, paths};
use bestow_issuance::ports::RecordsError;
use bestow_runtime::http::{HttpError, with_problem_fallbacks};
use bestow_runtime::{ConfigError, Env};

use crate::config::Config;

/// The routes of this function, configured from `env`: `PUBLIC_BASE_URL`, `ISSUANCE_TABLE`, `POLL_QUEUE_URL` and
/// the `ACCESS_…` variables. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let config = Config::from_env(env)?;
    let guard = config.guard.clone();
    guard.warm().await;
    let routes = Router::new()
        .route(paths::ISSUE_STATUS, get(issue_status))
        .route(paths::ISSUE_STATUS_ALIAS, get(issue_status))
        .route_layer(guard.require(Scope::IssueRead))
        .route(paths::OPENAPI, get(openapi))
        .route(paths::EVENT_SCHEMA, get(schema_of_event))
        .with_state(Arc::new(config));
    Ok(with_problem_fallbacks(routes))
}

async fn issue_status(
    State(config): State<Arc<Config>>,
    correlation_id: Result<Path<String>, PathRejection>,
) -> Result<Response, HttpError> {
    // Text that cannot be a correlation id names no issuance either.
    let correlation_id = correlation_id
        .ok()
        .and_then(|Path(segment)| CorrelationId::from_path_segment(&segment))
        .ok_or_else(unknown)?;
    let status = config
        .use_case
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

async fn openapi(State(config): State<Arc<Config>>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "max-age=300"),
    ];
    (headers, config.openapi.clone()).into_response()
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
    let headers = [
        (CONTENT_TYPE, "application/schema+json"),
        (CACHE_CONTROL, "max-age=300"),
    ];
    Ok((headers, bestow_contract::event_schema(event_type)).into_response())
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
