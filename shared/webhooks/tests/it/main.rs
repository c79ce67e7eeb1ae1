//! What callers of the use cases can rely upon, in a world where time passes only when told to.
#![cfg(test)]

mod circuit_breaker;
mod deliveries;
mod subscriptions;
mod world;
