//! The status of a credential, for backends: `PUT` and `GET`
//! `/api/v2/credential/status/{revocation_uuid}`. The wallet that issued it keeps it; this function relays.

use std::sync::Arc;

use access::Guard;
use aws::sdk::Sdk;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use contract::{CredentialStatusAnswer, CredentialStatusChange, Problem, Scope, paths};
use egress::WalletClient;
use issuance::ports::WalletFailure;
use runtime::http::{Refusal, read_json, with_problem_fallbacks};
use runtime::{ConfigError, Env};
use uuid::Uuid;

/// The routes of this function, configured from `env`: the `ACCESS_…` variables say who may call them, and the
/// `WALLET_…` variables which wallet is asked. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let wallet = WalletClient::from_env(env)?;
    let guard = Guard::from_env(env, &Sdk::from_env(env)?)?;
    guard.warm().await;
    let routes = Router::new()
        .route(
            paths::CREDENTIAL_STATUS,
            get(credential_status).put(set_credential_status),
        )
        .route_layer(guard.require(Scope::CredentialStatus))
        .with_state(Arc::new(wallet));
    Ok(with_problem_fallbacks(routes))
}

type RevocationUuid = Result<Path<Uuid>, PathRejection>;

async fn set_credential_status(
    State(wallet): State<Arc<WalletClient>>,
    revocation_uuid: RevocationUuid,
    request: Request,
) -> Result<Response, Refusal> {
    let revocation_uuid = well_formed(revocation_uuid)?;
    let body = read_json(request, CredentialStatusChange::MAX_BODY_BYTES).await?;
    let change = CredentialStatusChange::from_json(&body)?;
    let answer = wallet
        .set_credential_status(revocation_uuid, &change)
        .await
        .map_err(|failure| refuse(revocation_uuid, &failure))?;
    let is_published = answer.is_published();
    tracing::info!(%revocation_uuid, status = %answer.status, is_published, "a credential's status was set");
    let status = if is_published {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok(uncached(status, answer))
}

async fn credential_status(
    State(wallet): State<Arc<WalletClient>>,
    revocation_uuid: RevocationUuid,
) -> Result<Response, Refusal> {
    let revocation_uuid = well_formed(revocation_uuid)?;
    let answer = wallet
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
fn refuse(revocation_uuid: Uuid, failure: &WalletFailure) -> Problem {
    let problem = failure.problem();
    let status = problem.status;
    match failure {
        WalletFailure::Transient(fault) => {
            tracing::warn!(%revocation_uuid, status, %fault, "the wallet did not answer about a credential");
        }
        WalletFailure::Refused(_) => {
            tracing::info!(%revocation_uuid, status, "the wallet refused a request about a credential");
        }
    }
    problem
}

fn uncached(status: StatusCode, answer: CredentialStatusAnswer) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}
