//! Deliver: post, record the attempt, and see to it that it is tried again.

use bestow_clock::{Clock, IdSource};
use thiserror::Error;

use crate::MAX_CONTENTION;
use crate::circuit_breaker::CircuitBreaker;
use crate::delivery::{Attempt, AttemptError, Delivery, Failure, State};
use crate::ports::{
    Answer, Deliveries, DeliveriesError, DeliveryMessage, Found, Post, Receiver, Stored,
    Subscriptions, Update, WebhookQueue, WebhookQueueError,
};
use crate::schedule::LONGEST_DELAY_SECONDS;
use crate::secret::WebhookSecrets;
use crate::subscription::{AccountSubscriptions, SubscriptionId};

/// How often a message is received for a delivery that seems settled, before it is dropped: its replay may
/// be about to be recorded.
const MAX_EARLY_RECEIPTS: u32 = 3;

/// For how long a subscription that is not configured may only be not configured yet, in milliseconds from
/// when the delivery was made. Functions are deployed one by one and little by little, so whoever made the
/// delivery may know the subscription before whoever posts it does.
const UNKNOWN_PATIENCE_MS: i64 = 30 * 60 * 1_000;

/// After how many seconds a delivery is looked at again whose subscription is not configured.
const UNKNOWN_WAIT_SECONDS: u32 = 60;

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
    /// Tells the time, and draws ids and jitter.
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
        /// After how many seconds.
        next_in_seconds: u32,
    },
    /// It was given up, after an attempt or without one.
    Failed {
        /// The attempt, if there was one.
        attempt: Option<Attempt>,
        /// Why.
        failure: Failure,
    },
    /// It is not due yet: the next message is on the queue.
    Waiting {
        /// After how many seconds that is delivered.
        seconds: u32,
    },
    /// Its subscription is not configured, and may only be not configured yet: the next message is on the queue.
    SubscriptionUnknown {
        /// After how many seconds that is delivered.
        seconds: u32,
    },
    /// There was nothing to do.
    Dropped(Dropped),
    /// The message is ahead of what is recorded, and is to be delivered again.
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

/// Why a message could not be dealt with. It is to be delivered again.
#[derive(Debug, Error)]
pub enum DeliverError {
    /// The table gave no answer.
    #[error(transparent)]
    Deliveries(#[from] DeliveriesError),
    /// The next attempt could not be scheduled.
    #[error(transparent)]
    Queue(#[from] WebhookQueueError),
    /// Others kept changing the delivery.
    #[error("the delivery is being changed by too many at once")]
    Contention,
}

/// What is to be done about a message.
enum Task {
    Post,
    Wait(u32),
    TooEarly,
    Drop(Dropped),
}

impl<D, R, Q, S> Deliver<D, R, Q, S>
where
    D: Deliveries + Subscriptions,
    R: Receiver,
    Q: WebhookQueue,
    S: Clock + IdSource,
{
    /// Deals with `message`, which is being received for the `receipt`-th time (from 1), given what is
    /// `found` under its id.
    ///
    /// First the next message is sent, then the attempt is recorded, and only then may this message be
    /// acknowledged. Whoever dies in between leaves this message to be received again: it posts the same
    /// delivery once more, under the same id. The message that went out too early is the one that is
    /// awaited, or is stale.
    pub async fn deliver(
        &self,
        message: &DeliveryMessage,
        found: Option<Found>,
        receipt: u32,
    ) -> Result<Outcome, DeliverError> {
        let Some(Found {
            mut stored,
            subscription_ended,
        }) = found
        else {
            return Ok(Outcome::Dropped(Dropped::NoDelivery));
        };
        let now_ms = self.system.now().as_millisecond();
        match task(&stored.delivery, message, receipt, now_ms) {
            Task::Post => {}
            Task::Wait(seconds) => {
                self.queue.send(message, seconds).await?;
                return Ok(Outcome::Waiting { seconds });
            }
            Task::TooEarly => return Ok(Outcome::TooEarly),
            Task::Drop(reason) => return Ok(Outcome::Dropped(reason)),
        }
        match self.refusal(&stored.delivery, subscription_ended) {
            None => {}
            Some(Failure::Unsubscribed) if is_young(&stored.delivery, now_ms) => {
                let seconds = UNKNOWN_WAIT_SECONDS;
                self.queue.send(message, seconds).await?;
                return Ok(Outcome::SubscriptionUnknown { seconds });
            }
            Some(failure) => return self.give_up(stored, message, failure).await,
        }
        let replays = stored.delivery.replays;
        let (attempt, retry_after_seconds) = self.post(&stored.delivery).await;

        for _ in 0..MAX_CONTENTION {
            let known = &stored.delivery;
            // A success counts even if a doubled message came first and failed, unless someone asked
            // meanwhile for the delivery to be sent again.
            let is_awaited = !known.is_settled()
                && (message.attempt >= known.attempt
                    || (attempt.succeeded() && known.replays == replays));
            let now_ms = self.system.now().as_millisecond();
            let delivery = if is_awaited {
                let jitter = self.system.fraction();
                known.tried(
                    message.attempt,
                    attempt,
                    retry_after_seconds,
                    jitter,
                    now_ms,
                )
            } else {
                known.noted(attempt)
            };
            let outcome = match delivery.state {
                _ if !is_awaited => Outcome::Dropped(Dropped::Stale),
                State::Delivered => {
                    if subscription_ended {
                        self.deliveries.resume(&delivery.id).await?;
                    }
                    Outcome::Delivered(attempt)
                }
                State::Failed { failure } => {
                    if attempt.ends_the_subscription() {
                        self.deliveries.end(&delivery.id, now_ms).await?;
                    }
                    Outcome::Failed {
                        attempt: Some(attempt),
                        failure,
                    }
                }
                State::Pending { due_at_ms } => {
                    let next = DeliveryMessage {
                        delivery_id: delivery.id.clone(),
                        attempt: message.attempt.saturating_add(1),
                    };
                    let wait = seconds_until(due_at_ms, now_ms);
                    self.queue
                        .send(&next, wait.min(LONGEST_DELAY_SECONDS))
                        .await?;
                    Outcome::Pending {
                        attempt,
                        next_in_seconds: wait,
                    }
                }
            };
            match self.update(&stored, delivery).await? {
                Update::Done => return Ok(outcome),
                Update::Gone => return Ok(Outcome::Dropped(Dropped::NoDelivery)),
                Update::Overtaken(current) => stored = *current,
            }
        }
        Err(DeliverError::Contention)
    }

    /// Why a delivery is not tried, if that is so. What someone asks for to be sent again is sent to
    /// whoever ended the subscription, too: that is how it is resumed.
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

    async fn give_up(
        &self,
        mut stored: Stored,
        message: &DeliveryMessage,
        failure: Failure,
    ) -> Result<Outcome, DeliverError> {
        for _ in 0..MAX_CONTENTION {
            let known = &stored.delivery;
            if known.is_settled() || message.attempt < known.attempt {
                return Ok(Outcome::Dropped(Dropped::Stale));
            }
            let delivery = known.given_up(failure);
            match self.update(&stored, delivery).await? {
                Update::Done => {
                    return Ok(Outcome::Failed {
                        attempt: None,
                        failure,
                    });
                }
                Update::Gone => return Ok(Outcome::Dropped(Dropped::NoDelivery)),
                Update::Overtaken(current) => stored = *current,
            }
        }
        Err(DeliverError::Contention)
    }

    async fn update(&self, stored: &Stored, delivery: Delivery) -> Result<Update, DeliveriesError> {
        let after = Stored {
            delivery,
            write_id: self.system.uuid(),
        };
        self.deliveries.update(stored.write_id, &after).await
    }

    /// Posts, unless the host hangs and there is another attempt to come: what hangs is to hold up nobody else.
    async fn post(&self, delivery: &Delivery) -> (Attempt, Option<u32>) {
        let at_ms = self.system.now().as_millisecond();
        // With its port: another one is another receiver.
        let host = delivery.url.without_secrets();
        if !self.circuit_breaker.admit(&host, at_ms) && delivery.may_be_tried_later(at_ms) {
            let attempt = Attempt {
                at_ms,
                http_status: None,
                took_ms: 0,
                error: Some(AttemptError::HostHangs),
            };
            return (attempt, None);
        }
        let webhook_id = delivery.id.to_string();
        let webhook_timestamp = at_ms.div_euclid(1_000);
        let webhook_signature = self
            .secrets
            .sign(&webhook_id, webhook_timestamp, &delivery.body);
        let answer = self
            .receiver
            .post(Post {
                url: &delivery.url,
                webhook_id,
                webhook_timestamp,
                webhook_signature,
                body: &delivery.body,
            })
            .await;
        let answered_at_ms = self.system.now().as_millisecond();
        if answer == Answer::None(AttemptError::Timeout) {
            self.circuit_breaker.timed_out(&host, answered_at_ms);
        } else {
            self.circuit_breaker.answered(&host);
        }
        let took_ms = answered_at_ms.saturating_sub(at_ms);
        let (http_status, retry_after_seconds, error) = match answer {
            Answer::None(error) => (None, None, Some(error)),
            Answer::Received {
                http_status,
                retry_after_seconds,
            } => {
                let error = match http_status {
                    200..=299 => None,
                    300..=399 => Some(AttemptError::Redirect),
                    _ => Some(AttemptError::HttpStatus),
                };
                (Some(http_status), retry_after_seconds, error)
            }
        };
        let attempt = Attempt {
            at_ms,
            http_status,
            took_ms: u32::try_from(took_ms).unwrap_or(0),
            error,
        };
        (attempt, retry_after_seconds)
    }
}

fn task(delivery: &Delivery, message: &DeliveryMessage, receipt: u32, now_ms: i64) -> Task {
    match delivery.state {
        _ if message.attempt < delivery.attempt => Task::Drop(Dropped::Stale),
        State::Delivered | State::Failed { .. } if receipt < MAX_EARLY_RECEIPTS => Task::TooEarly,
        State::Delivered | State::Failed { .. } => Task::Drop(Dropped::Settled),
        // One that is ahead of the record is of an attempt whose recording failed, or of a replay.
        State::Pending { due_at_ms } if message.attempt == delivery.attempt => {
            match seconds_until(due_at_ms, now_ms) {
                0 => Task::Post,
                seconds => Task::Wait(seconds.min(LONGEST_DELAY_SECONDS)),
            }
        }
        State::Pending { .. } => Task::Post,
    }
}

fn is_young(delivery: &Delivery, now_ms: i64) -> bool {
    now_ms.saturating_sub(delivery.created_at_ms) < UNKNOWN_PATIENCE_MS
}

/// Whole seconds, so that nothing is early; half a second does not count, because clocks differ.
fn seconds_until(due_at_ms: i64, now_ms: i64) -> u32 {
    let remaining_ms = due_at_ms.saturating_sub(now_ms);
    if remaining_ms <= 500 {
        return 0;
    }
    u32::try_from((remaining_ms + 999).div_euclid(1_000)).unwrap_or(u32::MAX)
}
