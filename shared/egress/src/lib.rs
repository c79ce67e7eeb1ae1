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
mod logo;
mod outcome;
mod retry_after;
mod subscriptions;
mod token;
mod wallet_client;
mod wallet_config;
mod wallet_correlation_id;
mod webhook_client;

pub use allowed::{Allowed, UrlError};
pub use guarded_client::{Answer, GuardedClient, Limits, SendError};
pub use guarded_resolver::SystemResolver;
pub use logo::Logos;
pub use subscriptions::subscriptions_from_env;
pub use wallet_client::WalletClient;
pub use wallet_config::{WalletConfig, WalletCredentials};
pub use webhook_client::WebhookClient;
