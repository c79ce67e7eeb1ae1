//! Start issue, for backends: `POST /api/v2/credential/issue`.

mod config;
mod link_length;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use contract::{Problem, StartIssue, StartIssueAnswer, paths};
use issuance::{StartFailure, StartFailureCause, StartedIssue};
use qr_code::{Design, DrawError};
use runtime::http::{Refusal, read_json, with_problem_fallbacks};
use runtime::{ApiKeys, ConfigError, Env};

use crate::config::Config;

/// The largest body, in bytes. Most of it is for the logo of a QR code.
const LARGEST_BODY: usize = 256 * 1024;

/// The route of this function, configured from `env`; see [`Config::from_env`] for its variables.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let config = Config::from_env(env)?;
    let api_keys = config.api_keys.clone();
    let routes = Router::new()
        .route(paths::START_ISSUE, post(start_issue))
        .route_layer(from_fn_with_state(api_keys, ApiKeys::require))
        .with_state(Arc::new(config));
    Ok(with_problem_fallbacks(routes))
}

async fn start_issue(
    State(config): State<Arc<Config>>,
    request: Request,
) -> Result<Response, Refusal> {
    let body = read_json(request, LARGEST_BODY).await?;
    let (request, design) = StartIssue::from_json_with(&body, Design::new)?;
    if let Some(design) = &design {
        // Before anything is written: a code that cannot hold the link must not leave an offer behind.
        design
            .check_room(config.link_length.of(&request))
            .map_err(refuse_picture)?;
    }
    let template_id = request.template_id.clone();
    let started = config
        .use_case
        .start_issue(request)
        .await
        .map_err(|failure| refuse(&failure, &template_id))?;
    tracing::info!(
        correlation_id = %started.correlation_id,
        template_id,
        is_repeat = started.is_repeat,
        "an issuance was started"
    );
    let answer = answer(&config, started, design.as_ref())?;
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(answer),
    )
        .into_response())
}

fn answer(
    config: &Config,
    started: StartedIssue,
    design: Option<&Design>,
) -> Result<StartIssueAnswer, Problem> {
    let picture = design
        .map(|design| design.draw(&started.request_uri))
        .transpose()
        .map_err(refuse_picture)?;
    Ok(StartIssueAnswer {
        status_uri: paths::issue_status_url(&config.public_base_url, &started.correlation_id),
        correlation_id: started.correlation_id,
        request_uri: started.request_uri,
        qr_uri: picture.map(|picture| picture.data_uri()),
        tx_code: started.tx_code.map(|code| code.0),
        // Additions for a Bestow that is called by another. A backend finds both in Get issue status.
        revocation_uuid: None,
        expires_at: None,
    })
}

fn refuse_picture(fault: DrawError) -> Problem {
    match fault.fault() {
        Some(fault) => Problem::invalid_body(vec![fault]),
        None => {
            tracing::error!(%fault, "a QR code could not be drawn");
            Problem::internal()
        }
    }
}

/// One line in the log, and what the caller is told.
fn refuse(failure: &StartFailure, template_id: &str) -> Problem {
    let problem = failure.problem();
    let correlation_id = &failure.correlation_id;
    let status = problem.status;
    match &failure.cause {
        StartFailureCause::Records(_)
        | StartFailureCause::Queue(_)
        | StartFailureCause::Contention => {
            tracing::error!(%correlation_id, template_id, status, fault = %failure, "an issuance could not be recorded");
        }
        StartFailureCause::Wallet(issuance::ports::WalletFailure::Transient(fault)) => {
            tracing::warn!(%correlation_id, template_id, status, %fault, "the wallet made no offer");
        }
        StartFailureCause::Wallet(_)
        | StartFailureCause::Conflict
        | StartFailureCause::InProgress
        | StartFailureCause::Ended => {
            tracing::info!(%correlation_id, template_id, status, "an issuance was refused");
        }
    }
    problem
}
