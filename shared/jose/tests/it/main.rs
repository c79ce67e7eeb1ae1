//! The crate as its users see it, with the examples of the specifications as fixtures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod certificates;
mod claims;
mod did;
mod jwk;
mod jwk_set;
mod jws;
mod key_reference;
