//! The use cases against in-memory ports.
#![cfg(test)]

mod invariants;
mod use_cases;
mod world;
