//! What every function starts with: configuration, authentication, problem answers, batches.
//!
//! A function's `main` reads its configuration from an [`Env`], builds its clients once, and hands a
//! router to [`http::serve`] or a batch handler to `lambda_runtime`. Nothing in here knows what a
//! function is for.

mod api_keys;
mod batch;
mod env;
pub mod http;

pub use api_keys::ApiKeys;
pub use batch::{RecordOutcome, process_batch};
pub use env::{ConfigError, Env};
