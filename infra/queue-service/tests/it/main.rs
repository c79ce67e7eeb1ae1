//! The queue service as its users see it: over HTTP, through the SDK, and after a crash.
// Clippy's allowance for tests covers `#[test]` functions alone, not what they share.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr)]

mod crash;
mod earlier_layout;
mod endpoint;
mod model;
mod queues;
mod redrive;
mod refusals;
mod sdk;
mod standard;
