//! What the use cases need from outside, one capability each.

use std::collections::HashMap;
use std::future::Future;

use bestow_contract::CorrelationId;
use bestow_issuance::ports::Cause;
use bestow_issuance::{Outcome, Versioned};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::delivery::{AttemptError, CallbackUrl, Delivery};
use crate::delivery_id::DeliveryId;

/// A delivery as it is stored. Every write gives it a new `write_id`, so that a later write can say what it
/// was based on, and so that a write whose answer was lost is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// Names the write that stored it.
    pub write_id: Uuid,
}

/// A delivery, and whether its subscription has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The delivery.
    pub stored: Stored,
    /// Whether the receiver has said before that it wants no more of them.
    pub subscription_ended: bool,
}

/// The table of deliveries. Writes are atomic and conditional.
pub trait Deliveries: Send + Sync {
    /// Stores `mine` if there is no delivery of its id. Otherwise it gives the one that is there, by
    /// [`Outcome::instead_of`]; it is never gone.
    fn create(&self, mine: &Stored)
    -> impl Future<Output = Result<Update, DeliveriesError>> + Send;

    /// The delivery of this id, as it is now.
    fn get(
        &self,
        id: &DeliveryId,
    ) -> impl Future<Output = Result<Option<Stored>, DeliveriesError>> + Send;

    /// The deliveries of these ids, as they are now. An id without one is not among the keys. A delivery
    /// that cannot be read fails alone.
    fn get_many(
        &self,
        ids: &[DeliveryId],
    ) -> impl Future<
        Output = Result<HashMap<DeliveryId, Result<Found, DeliveriesError>>, DeliveriesError>,
    > + Send;

    /// Every delivery of an issuance, in the order of its changes. A delivery that cannot be read fails
    /// alone.
    fn of_issuance(
        &self,
        correlation_id: &CorrelationId,
    ) -> impl Future<Output = Result<Vec<Result<Delivery, DeliveriesError>>, DeliveriesError>> + Send;

    /// Stores `after` if the stored delivery is still the one that the write `based_on` made. Otherwise it
    /// says what is there instead ([`Outcome::instead_of`]).
    fn update(
        &self,
        based_on: Uuid,
        after: &Stored,
    ) -> impl Future<Output = Result<Update, DeliveriesError>> + Send;
}

/// Which subscriptions have ended because their receivers said so.
pub trait Subscriptions: Send + Sync {
    /// Ends the subscription that the delivery `id` is for, at `now_ms` (Unix milliseconds). To do it again
    /// changes nothing.
    fn end(
        &self,
        id: &DeliveryId,
        now_ms: i64,
    ) -> impl Future<Output = Result<(), DeliveriesError>> + Send;

    /// Resumes it. To do it again changes nothing.
    fn resume(&self, id: &DeliveryId) -> impl Future<Output = Result<(), DeliveriesError>> + Send;
}

impl Versioned for Stored {
    fn write_id(&self) -> Uuid {
        self.write_id
    }
}

/// What came of an attempt to store a delivery.
pub type Update = Outcome<Stored>;

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

/// What is put on the webhook queue: no URL and no body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryMessage {
    /// Which delivery is to be tried.
    pub delivery_id: DeliveryId,
    /// Which attempt this is; see [`Delivery::attempt`].
    pub attempt: u32,
}

/// The queue of attempts that are due later.
pub trait WebhookQueue: Send + Sync {
    /// Puts `message` on the queue, to be delivered after `delay_seconds` (0 to 900).
    fn send(
        &self,
        message: &DeliveryMessage,
        delay_seconds: u32,
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
    /// `webhook-timestamp`: Unix seconds.
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
        /// After how many seconds the receiver wants to be asked again, if it said so.
        retry_after_seconds: Option<u32>,
    },
    /// None.
    None(AttemptError),
}
