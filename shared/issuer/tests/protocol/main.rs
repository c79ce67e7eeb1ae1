//! The protocol from the outside: through the crate's public interface, with a store in memory.
//!
//! Test names begin with the number of the negative case that they show, where they show one.

// All of it is test code, and nothing of it is used from elsewhere.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub
)]

mod credential;
mod credential_request;
mod documents;
mod notification;
mod offer;
mod proof;
mod races;
mod status;
mod token;
mod tx_code;
mod world;
