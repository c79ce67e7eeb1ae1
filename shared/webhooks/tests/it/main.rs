//! What callers of the use cases can rely upon, in a world where time passes only when told to.
#![cfg(test)]

mod deliveries;
mod hanging_hosts;
mod subscriptions;
mod world;
