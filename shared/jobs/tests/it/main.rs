//! The use cases of jobs against a table and a queue in memory, and a wallet that does as it is told.
#![cfg(test)]
// Nothing of it is used from elsewhere.
#![allow(unreachable_pub)]

mod accepting;
mod invariants;
mod starting;
mod world;
