//! The wallet's table and its signing key against embedded services that speak the real APIs.
#![cfg(test)]

#[path = "../embedded/mod.rs"]
mod embedded;

#[path = "../embedded/busy.rs"]
mod busy;

mod conflicts;
mod erasure;
mod kms_key;
mod offers;
mod statuses;
mod steps;
mod world;
