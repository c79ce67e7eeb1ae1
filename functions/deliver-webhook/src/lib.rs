//! Deliver webhook: takes deliveries from the queue, posts them, signed, records each attempt, and has what failed tried
//! again.

mod message;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use bestow_aws::sdk::Sdk;
use bestow_backend::{DeliveryTable, WebhookQueue};
use bestow_clock::OperatingSystem;
use bestow_egress::WebhookClient;
use bestow_runtime::lambda::EventFunction;
use bestow_runtime::metrics::{self, Counter};
use bestow_runtime::{Batch, ConfigError, Env, RecordOutcome, process_batch, receive_count};
use bestow_webhooks::ports::{Deliveries, DeliveriesError, DeliveryMessage, Found};
use bestow_webhooks::{CircuitBreaker, Deliver, DeliveryId, Failure, Outcome};
use tracing::field::display;

/// How many messages of a batch are dealt with at a time. The event source's `MaximumConcurrency` bounds the number of
/// processes.
const CONCURRENCY: usize = 10;

/// The handler of the webhook queue.
pub struct DeliverWebhook {
    use_case: Deliver<DeliveryTable, WebhookClient, WebhookQueue, OperatingSystem>,
}

/// The deliveries of a batch, each taken by the message that it is for.
type FoundById = HashMap<DeliveryId, Result<Found, DeliveriesError>>;

impl EventFunction for DeliverWebhook {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    /// Reads `DELIVERY_TABLE`; `WEBHOOK_QUEUE_URL`, the queue of attempts that are due later; `WEBHOOK_SECRETS`, of which
    /// there are one, or two during a rotation; `WEBHOOK_SUBSCRIPTIONS`, URLs separated by commas, or nothing; and
    /// `EGRESS_ALLOW`, what may be posted to besides the public internet. A fault names its variable.
    async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let table = env.required("DELIVERY_TABLE", "the name of the table of deliveries")?;
        let queue = env.required("WEBHOOK_QUEUE_URL", "the URL of the webhook queue")?;
        let secrets = env.required(
            "WEBHOOK_SECRETS",
            "the secret that deliveries are signed with: whsec_ and the base64 of 24 to 64 random bytes",
        )?;
        let sdk = Sdk::from_env(env)?;
        let use_case = Deliver {
            deliveries: DeliveryTable::new(sdk.dynamodb(), table),
            receiver: WebhookClient::from_env(env)?,
            circuit_breaker: CircuitBreaker::default(),
            queue: WebhookQueue::new(sdk.sqs(), queue),
            system: OperatingSystem,
            secrets: secrets
                .parse()
                .map_err(|fault| ConfigError::invalid("WEBHOOK_SECRETS", fault))?,
            subscriptions: bestow_egress::subscriptions_from_env(env)?,
        };
        Ok(Self { use_case })
    }

    /// Reads the deliveries of a batch together; from there on each message is dealt with, and fails, for itself.
    async fn handle(
        &self,
        event: SqsEvent,
        _deadline: SystemTime,
    ) -> Result<SqsBatchResponse, bestow_runtime::lambda::Error> {
        let batch = Batch::of(&event.records, message::rank);
        let ids = batch.keys();
        let found = if ids.is_empty() {
            Ok(FoundById::new())
        } else {
            self.use_case.deliveries.get_many(&ids).await
        };
        let found = found.map(Mutex::new).inspect_err(|fault| {
            tracing::error!(%fault, messages = event.records.len(), "the deliveries of a batch could not be read");
        });
        let messages = process_batch(event, CONCURRENCY, |record| {
            let (batch, found) = (&batch, &found);
            async move {
                let Some(message) = message::read(&record) else {
                    // It comes again until the queue moves it to the dead letters.
                    tracing::error!(
                        message_id = record.message_id,
                        "a message on the webhook queue is not of a delivery"
                    );
                    return RecordOutcome::Retry;
                };
                let id = &message.delivery_id;
                match found {
                    _ if !batch.is_chosen(id, &record) => RecordOutcome::Done,
                    Err(_) => RecordOutcome::Retry,
                    Ok(found) => self.deliver(&record, &message, take(found, id)).await,
                }
            }
        });
        Ok(messages.await)
    }
}

impl DeliverWebhook {
    async fn deliver(
        &self,
        record: &SqsMessage,
        message: &DeliveryMessage,
        found: Result<Option<Found>, DeliveriesError>,
    ) -> RecordOutcome {
        let host = match &found {
            Ok(Some(found)) => found.delivery.url.host(),
            _ => String::new(),
        };
        let receipt = receive_count(record);
        let outcome = match found {
            Ok(found) => self.use_case.deliver(message, found, receipt).await,
            Err(fault) => Err(fault.into()),
        };
        match outcome {
            Ok(Outcome::TooEarly) => RecordOutcome::Retry,
            Ok(outcome) => {
                if let Some(counter) = counter(&outcome) {
                    metrics::count(counter, 1);
                }
                log(message, &host, &outcome);
                RecordOutcome::Done
            }
            Err(fault) => {
                let DeliveryMessage {
                    delivery_id,
                    attempt: number,
                } = message;
                let correlation_id = &delivery_id.correlation_id;
                tracing::error!(%correlation_id, %delivery_id, number, host, %fault, "an attempt to deliver could not be completed");
                RecordOutcome::Retry
            }
        }
    }
}

fn take(found: &Mutex<FoundById>, id: &DeliveryId) -> Result<Option<Found>, DeliveriesError> {
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    found.remove(id).transpose()
}

/// What is counted of a delivery: its attempts. One that is not tried is nobody's failure.
fn counter(outcome: &Outcome) -> Option<Counter> {
    match outcome {
        Outcome::Delivered(_) => Some(Counter::DeliveriesDelivered),
        Outcome::Pending { .. } => Some(Counter::DeliveriesToRetry),
        Outcome::Failed {
            attempt: Some(_), ..
        } => Some(Counter::DeliveriesGivenUp),
        Outcome::Failed { attempt: None, .. }
        | Outcome::Waiting(_)
        | Outcome::SubscriptionUnknown(_)
        | Outcome::Dropped(_)
        | Outcome::TooEarly => None,
    }
}

/// Of the URL only the host: the rest may hold a secret.
fn log(message: &DeliveryMessage, host: &str, outcome: &Outcome) {
    let DeliveryMessage {
        delivery_id,
        attempt: number,
    } = message;
    let correlation_id = &delivery_id.correlation_id;
    match outcome {
        Outcome::Delivered(attempt) => {
            let (http_status, took_ms) = (attempt.http_status, attempt.took_ms);
            tracing::info!(%correlation_id, %delivery_id, number, host, http_status, took_ms, "a change was delivered");
        }
        Outcome::Pending { attempt, next_in } => {
            let (http_status, took_ms) = (attempt.http_status, attempt.took_ms);
            let error = attempt.error.map(display);
            let next_in_seconds = next_in.as_secs();
            tracing::warn!(%correlation_id, %delivery_id, number, host, http_status, took_ms, error, next_in_seconds, "a delivery failed and is tried again");
        }
        Outcome::Failed { attempt, failure } => {
            let http_status = attempt.and_then(|attempt| attempt.http_status);
            let reason = display(failure);
            match failure {
                Failure::Exhausted => {
                    tracing::error!(%correlation_id, %delivery_id, number, host, http_status, reason, "a delivery was given up");
                }
                Failure::Gone | Failure::SubscriptionEnded | Failure::Unsubscribed => {
                    tracing::warn!(%correlation_id, %delivery_id, number, host, http_status, reason, "a delivery was given up");
                }
            }
        }
        Outcome::Waiting(delay) => {
            let seconds = delay.as_secs();
            tracing::debug!(%correlation_id, %delivery_id, number, seconds, "a delivery is not due yet");
        }
        Outcome::SubscriptionUnknown(delay) => {
            let seconds = delay.as_secs();
            tracing::info!(%correlation_id, %delivery_id, number, host, seconds, "a delivery waits because its subscription is not configured");
        }
        Outcome::Dropped(reason) => {
            tracing::info!(%correlation_id, %delivery_id, number, ?reason, "a message of a delivery was dropped");
        }
        Outcome::TooEarly => {}
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn only_attempts_are_counted() {
        let attempt = bestow_webhooks::Attempt {
            at: Timestamp::UNIX_EPOCH,
            http_status: Some(410),
            took_ms: 1,
            error: Some(bestow_webhooks::AttemptError::HttpStatus),
        };
        let failed = |attempt, failure| counter(&Outcome::Failed { attempt, failure });
        assert!(matches!(
            failed(Some(attempt), Failure::Gone),
            Some(Counter::DeliveriesGivenUp)
        ));
        for failure in [Failure::SubscriptionEnded, Failure::Unsubscribed] {
            assert!(failed(None, failure).is_none(), "{failure:?}");
        }
    }
}
