//! Deliveries: each change of an issuance, posted to whoever wants to be told. No AWS and no HTTP: what is
//! needed from outside are [`ports`].
//!
//! | use case | what it does |
//! |---|---|
//! | [`Announce::announce`] | makes a delivery of a change for each subscription that wants it |
//! | [`Deliver::deliver`] | posts it, signed, records the attempt, and sees to it that it is tried again |
//! | [`Replay::replay`] | sends a delivery again, whatever became of it |
//!
//! A delivery is made once and sent at least once: whoever receives it tells repeats by its id.

mod announce;
mod circuit_breaker;
mod deliver;
mod delivery;
mod delivery_id;
pub mod ports;
mod replay;
mod schedule;
mod secret;
mod subscription;

pub use announce::{Announce, AnnounceError};
pub use circuit_breaker::CircuitBreaker;
pub use deliver::{Deliver, DeliverError, Dropped, Outcome};
pub use delivery::{
    Attempt, AttemptError, CallbackUrl, Delivery, Failure, MAX_ATTEMPTS_KEPT, RETENTION_SECONDS,
    State,
};
pub use delivery_id::{DeliveryId, DeliveryIdError};
pub use replay::{Replay, ReplayError};
pub use schedule::{LIFE_SECONDS, LONGEST_DELAY_SECONDS, LONGEST_WAIT_SECONDS, wait_seconds};
pub use secret::{SecretsError, WebhookSecrets};
pub use subscription::{
    AccountSubscription, AccountSubscriptions, SubscriptionId, SubscriptionsError,
};

/// How often a write is tried again that others came before.
const MAX_CONTENTION: usize = 5;
