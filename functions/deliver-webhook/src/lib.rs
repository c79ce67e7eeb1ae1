//! Deliver webhook: takes deliveries from the queue, posts them, signed, to whoever wants to be told, records
//! each attempt, and sees to it that what failed is tried again.

mod config;
mod message;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use bestow_runtime::lambda::EventFunction;
use bestow_runtime::metrics::{self, Counter};
use bestow_runtime::{Batch, ConfigError, Env, RecordOutcome, process_batch, receive_count};
use bestow_webhooks::ports::{Deliveries, DeliveriesError, DeliveryMessage, Found};
use bestow_webhooks::{Attempt, DeliveryId, Failure, Outcome};

use crate::config::UseCase;

/// How many messages of a batch are dealt with at a time. The event source's `MaximumConcurrency` bounds the
/// number of processes.
const CONCURRENCY: usize = 10;

/// The handler of the webhook queue.
pub struct DeliverWebhook {
    use_case: UseCase,
}

/// The deliveries of a batch, each taken by the message that it is for.
type FoundById = HashMap<DeliveryId, Result<Found, DeliveriesError>>;

impl EventFunction for DeliverWebhook {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    /// Reads `DELIVERY_TABLE`, `WEBHOOK_QUEUE_URL`, `WEBHOOK_SECRETS`, `WEBHOOK_SUBSCRIPTIONS` and
    /// `EGRESS_ALLOW`. A fault names its variable.
    async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self {
            use_case: config::use_case(env)?,
        })
    }

    /// Deals with a batch of messages, and answers which of them are to be received again. The deliveries are
    /// read together; from there on each message is dealt with, and fails, for itself.
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
        let found = match found {
            Ok(found) => Some(Mutex::new(found)),
            Err(fault) => {
                tracing::error!(%fault, messages = event.records.len(), "the deliveries of a batch could not be read");
                None
            }
        };
        let messages = process_batch(event, CONCURRENCY, |record| {
            let (batch, found) = (&batch, found.as_ref());
            async move {
                let Some(message) = message::read(&record) else {
                    // It comes again until the queue moves it to the dead letters, where someone looks at it.
                    tracing::error!(
                        message_id = record.message_id,
                        "a message on the webhook queue is not of a delivery"
                    );
                    return RecordOutcome::Retry;
                };
                let id = &message.delivery_id;
                match found {
                    _ if !batch.is_chosen(id, &record) => RecordOutcome::Done,
                    None => RecordOutcome::Retry,
                    Some(found) => self.deliver(&record, &message, take(found, id)).await,
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
        let DeliveryMessage {
            delivery_id,
            attempt: number,
        } = message;
        let correlation_id = &delivery_id.correlation_id;
        let found = match found {
            Ok(found) => found,
            Err(fault) => {
                tracing::error!(%correlation_id, %delivery_id, number, %fault, "a delivery could not be read");
                return RecordOutcome::Retry;
            }
        };
        let host = found
            .as_ref()
            .map(|found| found.stored.delivery.url.host())
            .unwrap_or_default();
        match self
            .use_case
            .deliver(message, found, receive_count(record))
            .await
        {
            Ok(Outcome::TooEarly) => RecordOutcome::Retry,
            Ok(outcome) => {
                if let Some(counter) = counter(&outcome) {
                    metrics::count(counter, 1);
                }
                log(message, &host, &outcome);
                RecordOutcome::Done
            }
            Err(fault) => {
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

/// What is counted of a delivery: its attempts. One that is not tried, because its receiver wants no more of
/// them, is nobody's failure.
fn counter(outcome: &Outcome) -> Option<Counter> {
    match outcome {
        Outcome::Delivered(_) => Some(Counter::DeliveriesDelivered),
        Outcome::Pending { .. } => Some(Counter::DeliveriesToRetry),
        Outcome::Failed {
            attempt: Some(_), ..
        } => Some(Counter::DeliveriesGivenUp),
        Outcome::Failed { attempt: None, .. }
        | Outcome::Waiting { .. }
        | Outcome::SubscriptionUnknown { .. }
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
        Outcome::Delivered(Attempt {
            http_status,
            took_ms,
            ..
        }) => {
            tracing::info!(%correlation_id, %delivery_id, number, host, http_status, took_ms, "a change was delivered");
        }
        Outcome::Pending {
            attempt,
            next_in_seconds,
        } => {
            let Attempt {
                http_status,
                took_ms,
                error,
                ..
            } = attempt;
            let error = error.map(bestow_webhooks::AttemptError::as_str);
            tracing::warn!(%correlation_id, %delivery_id, number, host, http_status, took_ms, error, next_in_seconds, "a delivery failed and is tried again");
        }
        Outcome::Failed { attempt, failure } => {
            let http_status = attempt.and_then(|attempt| attempt.http_status);
            let reason = failure.as_str();
            match failure {
                Failure::Exhausted => {
                    tracing::error!(%correlation_id, %delivery_id, number, host, http_status, reason, "a delivery was given up");
                }
                Failure::Gone | Failure::SubscriptionEnded | Failure::Unsubscribed => {
                    tracing::warn!(%correlation_id, %delivery_id, number, host, http_status, reason, "a delivery was given up");
                }
            }
        }
        Outcome::Waiting { seconds } => {
            tracing::debug!(%correlation_id, %delivery_id, number, seconds, "a delivery is not due yet");
        }
        Outcome::SubscriptionUnknown { seconds } => {
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
    use super::*;

    #[test]
    fn only_attempts_are_counted() {
        let attempt = Attempt {
            at_ms: 1,
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
