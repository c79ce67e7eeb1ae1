//! What every function shares: configuration, problem answers, batches, logs, metrics.
//!
//! A function's `main` hands [`lambda`] what makes its router, or its handler of events, from an [`Env`].

mod batch;
mod env;
pub mod http;
pub mod lambda;
pub mod metrics;
pub mod stream;
mod telemetry;
pub mod trace;

pub use batch::{Batch, RecordOutcome, process_batch, receive_count};
pub use env::{ConfigError, Env};
