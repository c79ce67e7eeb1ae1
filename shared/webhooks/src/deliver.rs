//! Deliver: post, record the attempt, and schedule the next one.

use std::time::Duration;

use bestow_clock::{Clock, IdSource};
use bestow_issuance::LONGEST_DELAY;
use jiff::Timestamp;
use thiserror::Error;

use crate::circuit_breaker::CircuitBreaker;
use crate::delivery::{Attempt, AttemptError, Delivery, Failure, State};
use crate::ports::{
    Answer, Deliveries, DeliveriesError, DeliveryMessage, Found, Post, Receiver, Subscriptions,
    Update, WebhookQueue, WebhookQueueError,
};
use crate::secret::WebhookSecrets;
use crate::subscription::{AccountSubscriptions, SubscriptionId};

/// How often a write is tried again when another one came first.
const MAX_CONTENTION: usize = 5;

/// How often a message of a settled delivery is received before it is dropped: a replay may be about to be recorded.
const MAX_EARLY_RECEIPTS: u32 = 3;

/// How long after a delivery was made its subscription may still be unknown: functions are deployed one by one, so
/// whoever made the delivery may know the subscription before whoever posts it.
const UNKNOWN_PATIENCE: Duration = Duration::from_secs(30 * 60);

/// When such a delivery is looked at again.
const UNKNOWN_WAIT: Duration = Duration::from_secs(60);

/// The use case, and what it works with.
pub struct Deliver<D, R, Q, S> {
    /// The table, with the state of subscriptions.
    pub deliveries: D,
    /// Who is posted to.
    pub receiver: R,
    /// What this process knows of hosts that hang.
    pub circuit_breaker: CircuitBreaker,
    /// The queue for the next attempt.
    pub queue: Q,
    /// The clock, and the source of ids and jitter.
    pub system: S,
    /// What posts are signed with.
    pub secrets: WebhookSecrets,
    /// The subscriptions of the account that are configured now.
    pub subscriptions: AccountSubscriptions,
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has the delivery.
    Delivered(Attempt),
    /// It is tried again.
    Pending {
        /// The attempt that failed.
        attempt: Attempt,
        /// When.
        next_in: Duration,
    },
    /// It was given up.
    Failed {
        /// The last attempt, if one was made now.
        attempt: Option<Attempt>,
        /// Why.
        failure: Failure,
    },
    /// It is not due yet: the message is on the queue again, with this delay.
    Waiting(Duration),
    /// Its subscription is not configured, perhaps not yet: the message is on the queue again, with this delay.
    SubscriptionUnknown(Duration),
    /// There was nothing to do.
    Dropped(Dropped),
    /// The message is ahead of what is recorded, and is to be received again.
    TooEarly,
}

/// Why a message was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The delivery is not kept any more.
    NoDelivery,
    /// It is delivered, or was given up.
    Settled,
    /// A later attempt was dealt with already.
    Stale,
}

/// Why a message, or a replay, could not be dealt with. To try it again is safe.
#[derive(Debug, Error)]
pub enum DeliverError {
    /// The table gave no answer.
    #[error(transparent)]
    Deliveries(#[from] DeliveriesError),
    /// The next attempt could not be enqueued.
    #[error(transparent)]
    Queue(#[from] WebhookQueueError),
    /// Others kept changing the delivery.
    #[error("the delivery is being changed by too many at once")]
    Contention,
}

impl<D, R, Q, S> Deliver<D, R, Q, S>
where
    D: Deliveries + Subscriptions,
    R: Receiver,
    Q: WebhookQueue,
    S: Clock + IdSource,
{
    /// Deals with `message`, which is being received for the `receipt`-th time (from 1), given what is `found` under
    /// its id.
    ///
    /// First the next message is sent, then the attempt is recorded, and only then may this message be acknowledged.
    /// After a crash in between this message is received again: the same delivery is posted once more, under the same
    /// id, and the message that went out too early is the one that is awaited, or is stale.
    pub async fn deliver(
        &self,
        message: &DeliveryMessage,
        found: Option<Found>,
        receipt: u32,
    ) -> Result<Outcome, DeliverError> {
        let Some(Found {
            delivery,
            subscription_ended,
        }) = found
        else {
            return Ok(Outcome::Dropped(Dropped::NoDelivery));
        };
        let now = self.system.now();
        if let Some(outcome) = not_now(&delivery, message, receipt, now) {
            if let Outcome::Waiting(delay) = outcome {
                self.queue.send(message, delay).await?;
            }
            return Ok(outcome);
        }
        let outcome = match self.refusal(&delivery, subscription_ended) {
            None => self.attempt(message, delivery, subscription_ended).await?,
            Some(Failure::Unsubscribed) if now < delivery.created_at + UNKNOWN_PATIENCE => {
                self.queue.send(message, UNKNOWN_WAIT).await?;
                Some(Outcome::SubscriptionUnknown(UNKNOWN_WAIT))
            }
            Some(failure) => self.give_up(message, delivery, failure).await?,
        };
        Ok(outcome.unwrap_or(Outcome::Dropped(Dropped::NoDelivery)))
    }

    /// Why a delivery is not tried, if that is so. A replay also goes to whoever ended the subscription: that is how
    /// it is resumed.
    fn refusal(&self, delivery: &Delivery, subscription_ended: bool) -> Option<Failure> {
        let subscription = delivery.id.subscription;
        if subscription != SubscriptionId::Issuance && !self.subscriptions.contains(subscription) {
            Some(Failure::Unsubscribed)
        } else if subscription_ended && delivery.replays == 0 {
            Some(Failure::SubscriptionEnded)
        } else {
            None
        }
    }

    /// Posts, and records what came of it.
    async fn attempt(
        &self,
        message: &DeliveryMessage,
        delivery: Delivery,
        subscription_ended: bool,
    ) -> Result<Option<Outcome>, DeliverError> {
        let replays = delivery.replays;
        let (attempt, retry_after) = self.post(&delivery).await;
        let change = |known: Delivery| async move {
            // A success counts even if a doubled message came first and failed, unless a replay came meanwhile.
            let is_awaited = !known.is_settled()
                && (message.attempt >= known.attempt
                    || (attempt.succeeded() && known.replays == replays));
            if !is_awaited {
                let outcome = Outcome::Dropped(Dropped::Stale);
                return Ok((Some(known.noted(attempt)), outcome));
            }
            let now = self.system.now();
            let jitter = self.system.fraction();
            let delivery = known.tried(message.attempt, attempt, retry_after, jitter, now);
            let outcome = match delivery.state {
                State::Delivered => {
                    if subscription_ended {
                        self.deliveries.resume(&delivery.id).await?;
                    }
                    Outcome::Delivered(attempt)
                }
                State::Failed { failure } => {
                    if attempt.ends_the_subscription() {
                        self.deliveries.end(&delivery.id, now).await?;
                    }
                    Outcome::Failed {
                        attempt: Some(attempt),
                        failure,
                    }
                }
                State::Pending { due_at } => {
                    let next = DeliveryMessage {
                        delivery_id: delivery.id.clone(),
                        attempt: message.attempt.saturating_add(1),
                    };
                    let next_in = time_until(due_at, now);
                    self.queue.send(&next, next_in.min(LONGEST_DELAY)).await?;
                    Outcome::Pending { attempt, next_in }
                }
            };
            Ok((Some(delivery), outcome))
        };
        replace(&self.deliveries, &self.system, delivery, change).await
    }

    async fn give_up(
        &self,
        message: &DeliveryMessage,
        delivery: Delivery,
        failure: Failure,
    ) -> Result<Option<Outcome>, DeliverError> {
        let change = |mut known: Delivery| async move {
            if known.is_settled() || message.attempt < known.attempt {
                return Ok((None, Outcome::Dropped(Dropped::Stale)));
            }
            known.state = State::Failed { failure };
            let attempt = None;
            Ok((Some(known), Outcome::Failed { attempt, failure }))
        };
        replace(&self.deliveries, &self.system, delivery, change).await
    }

    /// Posts, unless the host hangs and there is another attempt to come.
    async fn post(&self, delivery: &Delivery) -> (Attempt, Option<Duration>) {
        let at = self.system.now();
        // With its port: another one is another receiver.
        let host = delivery.url.without_secrets();
        let may_be_tried_later = || delivery.wait_after_failure(at, None, 1.0).is_some();
        let answer = if !self.circuit_breaker.admit(&host, at) && may_be_tried_later() {
            Answer::None(AttemptError::HostHangs)
        } else {
            let webhook_id = delivery.id.to_string();
            let webhook_timestamp = at.as_second();
            let body = &delivery.body;
            let answer = self.receiver.post(Post {
                url: &delivery.url,
                webhook_signature: self.secrets.sign(&webhook_id, webhook_timestamp, body),
                webhook_id,
                webhook_timestamp,
                body,
            });
            let answer = answer.await;
            if answer == Answer::None(AttemptError::Timeout) {
                self.circuit_breaker.timed_out(&host, self.system.now());
            } else {
                self.circuit_breaker.answered(&host);
            }
            answer
        };
        let took = self.system.now() - at;
        let (http_status, retry_after, error) = match answer {
            Answer::None(error) => (None, None, Some(error)),
            Answer::Received {
                http_status,
                retry_after,
            } => {
                let error = match http_status {
                    200..=299 => None,
                    300..=399 => Some(AttemptError::Redirect),
                    _ => Some(AttemptError::HttpStatus),
                };
                (Some(http_status), retry_after, error)
            }
        };
        let attempt = Attempt {
            at,
            http_status,
            took_ms: u32::try_from(took.as_millis()).unwrap_or(0),
            error,
        };
        (attempt, retry_after)
    }
}

/// Replaces a stored delivery by what `change` makes of it, and tells what `change` told: again for as long as others
/// write first. `None` if the delivery is gone.
pub(crate) async fn replace<T, F>(
    deliveries: &impl Deliveries,
    ids: &impl IdSource,
    mut delivery: Delivery,
    change: impl Fn(Delivery) -> F,
) -> Result<Option<T>, DeliverError>
where
    F: Future<Output = Result<(Option<Delivery>, T), DeliverError>>,
{
    for _ in 0..MAX_CONTENTION {
        let based_on = delivery.write_id;
        let (after, outcome) = change(delivery).await?;
        let Some(mut after) = after else {
            return Ok(Some(outcome));
        };
        after.write_id = ids.uuid();
        match deliveries.update(based_on, &after).await? {
            Update::Done => return Ok(Some(outcome)),
            Update::Gone => return Ok(None),
            Update::Overtaken(current) => delivery = *current,
        }
    }
    Err(DeliverError::Contention)
}

/// What a message comes to that is not to be posted now.
fn not_now(
    delivery: &Delivery,
    message: &DeliveryMessage,
    receipt: u32,
    now: Timestamp,
) -> Option<Outcome> {
    if message.attempt < delivery.attempt {
        return Some(Outcome::Dropped(Dropped::Stale));
    }
    match delivery.state {
        State::Delivered | State::Failed { .. } if receipt < MAX_EARLY_RECEIPTS => {
            Some(Outcome::TooEarly)
        }
        State::Delivered | State::Failed { .. } => Some(Outcome::Dropped(Dropped::Settled)),
        State::Pending { due_at } if message.attempt == delivery.attempt => {
            let wait = time_until(due_at, now);
            (!wait.is_zero()).then_some(Outcome::Waiting(wait.min(LONGEST_DELAY)))
        }
        // One that is ahead of the record is of an attempt whose recording failed, or of a replay.
        State::Pending { .. } => None,
    }
}

/// In whole seconds, rounded up; half a second does not count, because clocks differ.
fn time_until(due_at: Timestamp, now: Timestamp) -> Duration {
    let remaining_ms = due_at.as_millisecond() - now.as_millisecond();
    match u64::try_from(remaining_ms) {
        Ok(remaining_ms @ 501..) => Duration::from_secs(remaining_ms.div_ceil(1_000)),
        _ => Duration::ZERO,
    }
}
