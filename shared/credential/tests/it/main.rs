//! The crate as its users see it, with the examples of RFC 9901 as fixtures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, in its helpers too"
)]

mod claims;
mod crafted;
mod disclosures;
mod issue;
mod paths;
mod rfc_examples;
mod round_trip;
mod validity;
