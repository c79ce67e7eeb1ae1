//! The wallet's table and its signing key against embedded services that speak the real APIs.
#![cfg(test)]

#[path = "../../../aws/tests/embedded/mod.rs"]
mod embedded;

#[path = "../../../aws/tests/embedded/busy.rs"]
mod busy;

mod conflicts;
mod erasure;
mod kms_key;
mod offers;
mod statuses;
mod steps;
mod world;
