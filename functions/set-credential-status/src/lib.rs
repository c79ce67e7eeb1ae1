//! The status of a credential, for backends: `PUT` and `GET`
//! `/api/v2/credential/status/{revocation_uuid}`. The wallet that issued it keeps it; this function relays, and
//! notes what is published, so that it is announced.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_contract::{CredentialStatusAnswer, CredentialStatusChange, Problem, Scope, paths};
use bestow_issuance::ports::{CredentialWallet, QueueError, WalletError};
use bestow_issuance::{SetStatus, SetStatusError};
use bestow_runtime::http::{HttpError, read_json, with_problem_fallbacks};
use bestow_runtime::metrics::{self, Measure};
use bestow_runtime::{ConfigError, Env};
use uuid::Uuid;

use bestow_wallets::CredentialStatuses;

/// The routes of this function, configured from `env`: the `ACCESS_…` variables say who may call them, and
/// those of [`bestow_wallets::credential_statuses`] which wallet is asked and where changes are noted. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let sdk = Sdk::from_env(env)?;
    let use_case = bestow_wallets::credential_statuses(env, &sdk)?;
    let guard = Guard::from_env(env, &sdk)?;
    guard.warm().await;
    let routes = Router::new()
        .route(
            paths::CREDENTIAL_STATUS,
            get(credential_status).put(set_credential_status),
        )
        .route_layer(guard.require(Scope::CredentialStatus))
        .with_state(Arc::new(use_case));
    Ok(with_problem_fallbacks(routes))
}

type RevocationUuid = Result<Path<Uuid>, PathRejection>;

async fn set_credential_status(
    State(use_case): State<Arc<CredentialStatuses>>,
    revocation_uuid: RevocationUuid,
    request: Request,
) -> Result<Response, HttpError> {
    let began = Instant::now();
    let revocation_uuid = well_formed(revocation_uuid)?;
    let body = read_json(request, CredentialStatusChange::MAX_BODY_BYTES).await?;
    let change = CredentialStatusChange::from_json(&body)?;
    let SetStatus { answer, is_noted } =
        use_case
            .set(revocation_uuid, &change)
            .await
            .map_err(|failure| match failure {
                SetStatusError::Wallet(failure) => refuse(revocation_uuid, &failure),
                SetStatusError::Queue(fault) => unavailable(revocation_uuid, &fault),
            })?;
    let is_published = answer.is_published();
    // What is not noted yet is news to the check, which measures it then.
    if is_published && is_noted {
        let took_ms = began.elapsed().as_secs_f64() * 1_000.0;
        metrics::measure(Measure::RevocationToPublication, took_ms.round());
    }
    tracing::info!(%revocation_uuid, status = %answer.status, is_published, "a credential's status was set");
    let status = if is_published {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok(uncached(status, answer))
}

async fn credential_status(
    State(use_case): State<Arc<CredentialStatuses>>,
    revocation_uuid: RevocationUuid,
) -> Result<Response, HttpError> {
    let revocation_uuid = well_formed(revocation_uuid)?;
    let answer = use_case
        .wallet
        .credential_status(revocation_uuid)
        .await
        .map_err(|failure| refuse(revocation_uuid, &failure))?;
    tracing::info!(%revocation_uuid, status = %answer.status, "a credential's status was read");
    Ok(uncached(StatusCode::OK, answer))
}

fn well_formed(revocation_uuid: RevocationUuid) -> Result<Uuid, Problem> {
    revocation_uuid.map(|Path(uuid)| uuid).map_err(|_| {
        Problem::invalid_request("The last part of the path is not a UUID: give a revocation_uuid.")
    })
}

/// One line in the log, and what the caller is told.
fn refuse(revocation_uuid: Uuid, failure: &WalletError) -> Problem {
    let problem = failure.problem();
    let status = problem.status;
    match failure {
        WalletError::Transient(fault) => {
            tracing::warn!(%revocation_uuid, status, %fault, "the wallet did not answer about a credential");
        }
        WalletError::Refused(_) => {
            tracing::info!(%revocation_uuid, status, "the wallet refused a request about a credential");
        }
    }
    problem
}

/// Nothing was done yet: to try again is safe.
fn unavailable(revocation_uuid: Uuid, fault: &QueueError) -> Problem {
    tracing::error!(%revocation_uuid, %fault, "a credential's status was not set");
    Problem::unavailable("The status cannot be set for now. Try again in a moment.")
        .with_retry_after_seconds(1)
}

fn uncached(status: StatusCode, answer: CredentialStatusAnswer) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}
