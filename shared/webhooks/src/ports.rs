//! What the use cases need from outside, one capability each.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use bestow_contract::CorrelationId;
use bestow_issuance::ports::Cause;
use bestow_issuance::{Outcome, Versioned};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::delivery::{AttemptError, CallbackUrl, Delivery};
use crate::delivery_id::DeliveryId;

impl Versioned for Delivery {
    fn write_id(&self) -> Uuid {
        self.write_id
    }
}

/// What became of a write of a delivery.
pub type Update = Outcome<Delivery>;

/// A delivery, and whether its subscription has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The delivery.
    pub delivery: Delivery,
    /// Whether the receiver has said before that it wants no more of them.
    pub subscription_ended: bool,
}

/// The table of deliveries. Writes are atomic and conditional; a delivery that cannot be read fails alone.
pub trait Deliveries: Send + Sync {
    /// Stores `mine` if there is no delivery of its id. Otherwise it tells what is there; it is never gone.
    fn create(
        &self,
        mine: &Delivery,
    ) -> impl Future<Output = Result<Update, DeliveriesError>> + Send;

    /// The delivery of this id.
    fn get(
        &self,
        id: &DeliveryId,
    ) -> impl Future<Output = Result<Option<Delivery>, DeliveriesError>> + Send;

    /// The deliveries of these ids. An id without one is not among the keys.
    fn get_many(
        &self,
        ids: &[DeliveryId],
    ) -> impl Future<
        Output = Result<HashMap<DeliveryId, Result<Found, DeliveriesError>>, DeliveriesError>,
    > + Send;

    /// Every delivery of an issuance, in the order of its changes.
    fn of_issuance(
        &self,
        correlation_id: &CorrelationId,
    ) -> impl Future<Output = Result<Vec<Result<Delivery, DeliveriesError>>, DeliveriesError>> + Send;

    /// Stores `after` if the stored delivery is still the one that the write `based_on` made. Otherwise it tells what
    /// is there instead.
    fn update(
        &self,
        based_on: Uuid,
        after: &Delivery,
    ) -> impl Future<Output = Result<Update, DeliveriesError>> + Send;
}

/// Which subscriptions have ended because their receivers said so.
pub trait Subscriptions: Send + Sync {
    /// Ends the subscription that the delivery `id` is for. Idempotent.
    fn end(
        &self,
        id: &DeliveryId,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), DeliveriesError>> + Send;

    /// Resumes it. Idempotent.
    fn resume(&self, id: &DeliveryId) -> impl Future<Output = Result<(), DeliveriesError>> + Send;
}

/// Why the table gave no answer.
#[derive(Debug, Error)]
pub enum DeliveriesError {
    /// The call failed. A write may have been done all the same.
    #[error("the table of deliveries gave no answer: {0}")]
    Unavailable(Cause),
    /// What is stored cannot be understood.
    #[error("the stored delivery cannot be read: {reason}")]
    Malformed {
        /// What is wrong, without any value.
        reason: String,
    },
}

/// A message of the webhook queue: no URL and no body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryMessage {
    /// Which delivery is to be tried.
    pub delivery_id: DeliveryId,
    /// Which attempt this is; see [`Delivery::attempt`].
    pub attempt: u32,
}

/// The webhook queue.
pub trait WebhookQueue: Send + Sync {
    /// Enqueues `message`, to be delivered after `delay`: whole seconds, at most 900.
    fn send(
        &self,
        message: &DeliveryMessage,
        delay: Duration,
    ) -> impl Future<Output = Result<(), WebhookQueueError>> + Send;
}

/// The queue did not take a message, or its answer was lost.
#[derive(Debug, Error)]
#[error("the webhook queue did not take the message: {0}")]
pub struct WebhookQueueError(pub Cause);

/// A signed request.
#[derive(Debug)]
pub struct Post<'a> {
    /// Where it goes.
    pub url: &'a CallbackUrl,
    /// `webhook-id`.
    pub webhook_id: String,
    /// `webhook-timestamp`, in Unix seconds.
    pub webhook_timestamp: i64,
    /// `webhook-signature`.
    pub webhook_signature: String,
    /// The body, as it was signed.
    pub body: &'a str,
}

/// Posts to whoever wants to be told.
pub trait Receiver: Send + Sync {
    /// Posts, and tells what came back.
    fn post(&self, post: Post<'_>) -> impl Future<Output = Answer> + Send;
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// An answer.
    Received {
        /// Its status.
        http_status: u16,
        /// How long the receiver wants to be left alone, if it said so.
        retry_after: Option<Duration>,
    },
    /// None.
    None(AttemptError),
}
