//! Who may do what: callers show an API key or an access token, and each has scopes. One [`Guard`] stands before the routes of every function that backends call:
//!
//! ```ignore
//! let guard = access::Guard::from_env(env, &sdk)?;
//! guard.warm().await;
//! Router::new().route(path, get(handler)).route_layer(guard.require(Scope::IssueRead))
//! ```
//!
//! | module | what it keeps |
//! |---|---|
//! | [`api_key`] | the secret that a caller sends, its id and its hash |
//! | [`key_record`] | what is known about a key: scopes, expiry, note |
//! | [`table`] | the records in DynamoDB, and what operators do with them |
//! | `keyring`, `kept` | all records, kept in the process for half a minute |
//! | `bearer` | access tokens of an OAuth 2.0 authorization server |
//! | [`rate_limit`], `limiter` | how many requests a caller may make, counted across processes |
//! | `guard`, `refusal` | a request in, the request or a problem out |

pub mod api_key;
mod bearer;
mod cache;
mod error;
mod guard;
pub mod key_record;
mod keyring;
mod limiter;
pub mod rate_limit;
pub mod table;

pub use api_key::{ApiKey, KeyHash, KeyId};
pub use bestow_contract::Scope;
pub use guard::Guard;
pub use key_record::{KeyRecord, KeyState, NewKey, Randomness, RandomnessError};
pub use rate_limit::{RateLimit, RateLimitError};
pub use table::{AccessTable, ChangeError};
