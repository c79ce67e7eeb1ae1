//! How a delivery is shown.

use bestow_contract::{DeliveryAttempt, DeliveryStatus};
use bestow_webhooks::{Delivery, State};
use jiff::Timestamp;

/// The delivery as it is listed: without its body, and of its URL only where it leads to.
pub(crate) fn delivery(delivery: &Delivery) -> bestow_contract::Delivery {
    let (status, reason, next_attempt_at) = match delivery.state {
        State::Pending { due_at } => (DeliveryStatus::Pending, None, Some(due_at)),
        State::Delivered => (DeliveryStatus::Delivered, None, None),
        State::Failed { failure } => (DeliveryStatus::Failed, Some(failure.to_string()), None),
    };
    let attempts = delivery.attempts.iter().map(|attempt| DeliveryAttempt {
        at: attempt.at.as_millisecond(),
        http_status: attempt.http_status,
        ms: attempt.took_ms,
        error: attempt.error.map(|error| error.to_string()),
    });
    bestow_contract::Delivery {
        id: delivery.id.to_string(),
        event: delivery.status.clone(),
        stage: delivery.stage.clone(),
        sequence: delivery.id.sequence,
        correlation_id: delivery.id.correlation_id.clone(),
        subscription: delivery.id.subscription.to_string(),
        url: delivery.url.without_secrets(),
        status,
        reason,
        created_at: delivery.created_at.as_millisecond(),
        next_attempt_at: next_attempt_at.map(Timestamp::as_millisecond),
        attempts: attempts.collect(),
    }
}
