//! The use cases against in-memory ports.
#![cfg(test)]

mod after_completion;
mod asking;
mod changes;
mod credential_status;
mod invariants;
mod polling;
mod ports;
mod publishing;
mod scenario;
mod starting;
mod world;
