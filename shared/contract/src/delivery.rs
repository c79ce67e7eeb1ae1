//! Deliveries of callbacks, as they are listed. `[ours]`

use crate::{CorrelationId, Stage, Status};
use serde::Serialize;
use serde_with::skip_serializing_none;

/// The answer of Get deliveries: what was posted about an issuance, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deliveries {
    /// The deliveries, in the order of the changes that they announce.
    pub deliveries: Vec<Delivery>,
}

/// One change of an issuance on its way to one receiver.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Names the delivery: the `webhook-id` that the receiver sees, the same with each attempt.
    pub id: String,
    /// The status that it announces.
    pub event: Status,
    /// The stage that it announces.
    pub stage: Option<Stage>,
    /// Which change of the issuance it announces, from 1.
    pub sequence: u64,
    /// The issuance.
    pub correlation_id: CorrelationId,
    /// For whom it is: `callback` for the callback of the issuance, otherwise the name of a
    /// subscription of the operator's.
    pub subscription: String,
    /// Where it goes: scheme, host and port. The rest may hold secrets and is cut.
    pub url: String,
    /// What became of it so far.
    pub status: DeliveryStatus,
    /// Why it was given up, if it was: `exhausted` (every attempt failed), `gone` (the receiver
    /// answered 410), `subscription_ended` (it had answered 410 to another one) or `unsubscribed` (the
    /// operator has removed the subscription).
    pub reason: Option<String>,
    /// When the change was made known, in Unix milliseconds.
    pub created_at: i64,
    /// When the next attempt is due, in Unix milliseconds, if there is one.
    pub next_attempt_at: Option<i64>,
    /// The latest attempts, oldest first.
    pub attempts: Vec<DeliveryAttempt>,
}

/// What became of a delivery so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// It is on its way.
    Pending,
    /// The receiver has it.
    Delivered,
    /// It was given up. It can be replayed.
    Failed,
}

/// One attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryAttempt {
    /// When it began, in Unix milliseconds.
    pub at: i64,
    /// The HTTP status of the answer; null if none came.
    pub http_status: Option<u16>,
    /// How long it took, in milliseconds.
    pub ms: u32,
    /// Why it failed, as a name for programs; null if it succeeded. `http_status` for an answer that is
    /// not 2xx, `redirect`, `timeout`, `host_hangs`, `connection_refused`, `tls`, `unreachable`,
    /// `connection_broken`, `forbidden_address` or `forbidden_url`.
    pub error: Option<String>,
}
