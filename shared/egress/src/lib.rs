//! Requests that leave Bestow: the guarded HTTP client, and what speaks through it.

mod address;
mod allowed;
mod guarded_client;
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

pub use allowed::{Allowed, AllowedEntryError, UrlError};
pub use guarded_client::{Answer, GuardedClient, Limits, SendError};
pub use logo::Logos;
pub use subscriptions::subscriptions_from_env;
pub use wallet_client::WalletClient;
pub use webhook_client::WebhookClient;
