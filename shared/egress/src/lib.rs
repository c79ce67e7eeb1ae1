//! Requests that leave Bestow: the guarded HTTP client, and the client of the wallet that issues.
//!
//! | module | what it keeps |
//! |---|---|
//! | `address` | which addresses are public |
//! | [`allowed`] | which URLs may be called: public ones by https, and what the operator lists |
//! | [`guarded_client`] | no redirects, time-outs, a size cap, and connections to checked addresses only |
//! | `logo` | the logos of QR codes, fetched |
//! | `wallet_client` | the issue contract as a caller: `issuance`'s ports on a wallet over HTTP |
//! | `webhook_client` | posts of deliveries: `webhooks`' port |
//! | `subscriptions` | who is posted to besides an issuance's own callback |
//!
//! The last four are behind the features `logos`, `wallet-client` and `webhook-client`, so that others can use
//! the guard without naming the contract or a domain.

mod address;
pub mod allowed;
pub mod guarded_client;
mod guarded_resolver;
#[cfg(feature = "logos")]
mod logo;
#[cfg(feature = "wallet-client")]
mod outcome;
#[cfg(any(feature = "wallet-client", feature = "webhook-client"))]
mod retry_after;
#[cfg(feature = "webhook-client")]
mod subscriptions;
#[cfg(feature = "wallet-client")]
mod token;
#[cfg(feature = "wallet-client")]
mod wallet_client;
#[cfg(feature = "wallet-client")]
mod wallet_config;
#[cfg(feature = "wallet-client")]
mod wallet_correlation_id;
#[cfg(feature = "webhook-client")]
mod webhook_client;

pub use allowed::{Allowed, ForbiddenUrl};
pub use guarded_client::{Answer, GuardedClient, Limits, SendError};
pub use guarded_resolver::SystemResolver;
#[cfg(feature = "logos")]
pub use logo::Logos;
#[cfg(feature = "webhook-client")]
pub use subscriptions::subscriptions_from_env;
#[cfg(feature = "wallet-client")]
pub use wallet_client::WalletClient;
#[cfg(feature = "wallet-client")]
pub use wallet_config::{WalletConfig, WalletCredentials};
#[cfg(feature = "webhook-client")]
pub use webhook_client::WebhookClient;
