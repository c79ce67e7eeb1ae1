//! The use cases against in-memory ports.
#![cfg(test)]

mod asking;
mod invariants;
mod polling;
mod ports;
mod scenario;
mod starting;
mod world;
