//! Who may do what: callers show an API key or an access token, and each has scopes. One [`Guard`] stands before the
//! routes of every function that backends call:
//!
//! ```ignore
//! let guard = access::Guard::from_env(env, &sdk)?;
//! guard.warm().await;
//! Router::new().route(path, get(handler)).route_layer(guard.require(Scope::IssueRead))
//! ```

mod api_key;
mod bearer;
mod cache;
mod error;
mod guard;
mod key_record;
mod keyring;
mod limiter;
mod rate_limit;
mod table;

pub use api_key::{ApiKey, KeyHash, KeyId, KeyIdError, RandomnessError};
pub use bestow_contract::Scope;
pub use guard::Guard;
pub use key_record::{KeyRecord, KeyState};
pub use rate_limit::{RateLimit, RateLimitError};
pub use table::{AccessTable, ChangeError};
