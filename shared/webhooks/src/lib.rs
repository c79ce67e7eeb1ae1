//! Deliveries: each change of an issuance, posted to whoever wants to be told. No AWS and no HTTP: what is needed from
//! outside are [`ports`].
//!
//! A delivery is made once ([`Announce`]) and sent at least once ([`Deliver`], [`Replay`]): receivers tell repeats by
//! its id.

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
    Attempt, AttemptError, CallbackUrl, Delivery, Failure, MAX_ATTEMPTS_KEPT, RETENTION, State,
};
pub use delivery_id::{DeliveryId, DeliveryIdError};
pub use replay::Replay;
pub use schedule::LONGEST_WAIT;
pub use secret::{SecretsError, WebhookSecrets};
pub use subscription::{AccountSubscriptions, SubscriptionId, SubscriptionsError};
