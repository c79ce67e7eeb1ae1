//! Requests that leave Bestow: the guarded HTTP client, and the client of the wallet that issues.
//!
//! | module | what it keeps |
//! |---|---|
//! | [`address`] | which addresses may be reached |
//! | [`guarded_client`] | no redirects, time-outs, a size cap, https, the address policy |
//! | [`wallet_client`] | the issue contract as a caller: `issuance`'s ports on a wallet over HTTP |

pub mod address;
pub mod guarded_client;
mod outcome;
mod retry_after;
mod token;
pub mod wallet_client;
mod wallet_config;
mod wallet_correlation_id;

pub use guarded_client::{Answer, GuardedClient, Limits, SendError};
pub use wallet_client::WalletClient;
pub use wallet_config::{WalletConfig, WalletCredentials};
