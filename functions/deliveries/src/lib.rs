//! Deliveries, for backends and operators: lists what was posted about an issuance, and sends a delivery again.

mod answer;

use std::fmt::Display;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bestow_access::Guard;
use bestow_aws::sdk::Sdk;
use bestow_backend::{DeliveryTable, IssuanceTable, WebhookQueue};
use bestow_clock::OperatingSystem;
use bestow_contract::{CorrelationId, Problem, Scope, paths};
use bestow_issuance::ports::{Records, RecordsError};
use bestow_runtime::http::{HttpError, with_problem_fallbacks};
use bestow_runtime::{ConfigError, Env};
use bestow_webhooks::ports::{Deliveries, DeliveriesError};
use bestow_webhooks::{DeliverError, Delivery, DeliveryId, Replay};

/// What the handlers work with.
struct Config {
    issuances: IssuanceTable,
    replay: Replay<DeliveryTable, WebhookQueue, OperatingSystem>,
}

/// The routes of this function, configured from `env`: `ISSUANCE_TABLE`, `DELIVERY_TABLE`, `WEBHOOK_QUEUE_URL`, and the
/// variables of [`Guard::from_env`]. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let issuances = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
    let table = env.required("DELIVERY_TABLE", "the name of the table of deliveries")?;
    let queue = env.required("WEBHOOK_QUEUE_URL", "the URL of the webhook queue")?;
    let sdk = Sdk::from_env(env)?;
    let guard = Guard::from_env(env, &sdk)?;
    guard.warm().await;
    let config = Config {
        issuances: IssuanceTable::new(sdk.dynamodb(), issuances),
        replay: Replay {
            deliveries: DeliveryTable::new(sdk.dynamodb(), table),
            queue: WebhookQueue::new(sdk.sqs(), queue),
            system: OperatingSystem,
        },
    };
    let replays = Router::new()
        .route(paths::REPLAY_DELIVERY, post(replay))
        .route_layer(guard.require(Scope::DeliveryReplay));
    let routes = Router::new()
        .route(paths::DELIVERIES, get(deliveries))
        .route_layer(guard.require(Scope::DeliveryRead))
        .merge(replays)
        .with_state(Arc::new(config));
    Ok(with_problem_fallbacks(routes))
}

async fn deliveries(
    State(config): State<Arc<Config>>,
    correlation_id: Result<Path<String>, PathRejection>,
) -> Result<Response, HttpError> {
    let correlation_id = correlation_id
        .ok()
        .and_then(|Path(segment)| CorrelationId::from_path_segment(&segment))
        .ok_or_else(unknown_issuance)?;
    let deliveries = config.replay.deliveries.of_issuance(&correlation_id).await;
    let deliveries = deliveries.map_err(|fault| {
        log_unreadable(&correlation_id, &fault);
        not_for_now()
    })?;
    // One that cannot be read does not hide the others.
    let log = |fault: &DeliveriesError| log_unreadable(&correlation_id, fault);
    let deliveries = deliveries.into_iter();
    let deliveries: Vec<Delivery> = deliveries
        .filter_map(|read| read.inspect_err(log).ok())
        .collect();
    if deliveries.is_empty() && !is_known(&config, &correlation_id).await? {
        tracing::info!(%correlation_id, "the deliveries of an unknown issuance were asked for");
        return Err(unknown_issuance().into());
    }
    let count = deliveries.len();
    tracing::info!(%correlation_id, count, "the deliveries of an issuance were listed");
    let answer = bestow_contract::Deliveries {
        deliveries: deliveries.iter().map(answer::delivery).collect(),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// Whether an issuance of this name was accepted. It may have nobody who wants to be told.
async fn is_known(config: &Config, correlation_id: &CorrelationId) -> Result<bool, Problem> {
    let record = config.issuances.get(correlation_id).await;
    let record = record.map_err(|fault| {
        log_unreadable(correlation_id, &fault);
        match fault {
            RecordsError::Malformed { .. } => Problem::internal(),
            RecordsError::Unavailable(_) => not_for_now(),
        }
    })?;
    Ok(record.is_some_and(|record| record.view().is_some()))
}

async fn replay(
    State(config): State<Arc<Config>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, HttpError> {
    let id: DeliveryId = id
        .ok()
        .and_then(|Path(segment)| segment.parse().ok())
        .ok_or_else(unknown_delivery)?;
    let correlation_id = &id.correlation_id;
    let replayed = config.replay.replay(&id).await.map_err(|fault| {
        tracing::error!(%correlation_id, delivery_id = %id, %fault, "a delivery could not be replayed");
        not_replayed(&fault)
    })?;
    let Some(delivery) = replayed else {
        tracing::info!(%correlation_id, delivery_id = %id, "a replay of an unknown delivery was asked for");
        return Err(unknown_delivery().into());
    };
    tracing::info!(%correlation_id, delivery_id = %id, "a delivery is sent again");
    Ok((
        StatusCode::ACCEPTED,
        [(CACHE_CONTROL, "no-store")],
        Json(answer::delivery(&delivery)),
    )
        .into_response())
}

fn unknown_issuance() -> Problem {
    Problem::not_found("No issuance with this correlation_id was accepted.")
}

fn unknown_delivery() -> Problem {
    Problem::not_found(
        "There is no delivery with this id, or not any more: deliveries are kept for 30 days. \
         GET /api/v2/deliveries/{correlation_id} lists those of an issuance.",
    )
}

fn log_unreadable(correlation_id: &CorrelationId, fault: &dyn Display) {
    tracing::error!(%correlation_id, %fault, "the deliveries of an issuance could not be read");
}

fn not_for_now() -> Problem {
    Problem::unavailable("The deliveries cannot be read for now. Try again in a moment.")
        .with_retry_after_seconds(1)
}

/// One that cannot be read now cannot be read in a moment either.
fn not_replayed(fault: &DeliverError) -> Problem {
    match fault {
        DeliverError::Deliveries(DeliveriesError::Malformed { .. }) => Problem::internal(),
        DeliverError::Deliveries(DeliveriesError::Unavailable(_))
        | DeliverError::Queue(_)
        | DeliverError::Contention => Problem::unavailable(
            "The delivery cannot be sent again for now. Try again in a moment.",
        )
        .with_retry_after_seconds(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_to_repeat_what_cannot_succeed() {
        let reason = "it has no url".to_owned();
        let garbled = DeliveriesError::Malformed { reason };
        assert_eq!(not_replayed(&garbled.into()).status, 500);
        let down = DeliveriesError::Unavailable("down".into());
        assert_eq!(not_replayed(&down.into()).status, 503);
    }
}
