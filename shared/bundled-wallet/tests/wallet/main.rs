//! The wallet's table and its signing key against embedded services that speak the real APIs.
#![cfg(test)]

mod conflicts;
mod erasure;
mod kms_key;
mod offers;
mod statuses;
mod steps;
mod world;
