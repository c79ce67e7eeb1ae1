//! What every adapter on AWS is built from: the SDK's configuration, items and their attributes, conditional
//! writes, queues, and the index of what is to be erased. It knows no domain; the tables and queues of one
//! are in the crate of its bounded context, `backend` or `bundled-wallet`.

pub mod batch_get;
mod call_error;
pub mod conflicts;
pub mod erasure;
pub mod item;
mod message_trace;
pub mod pause;
pub mod queue;
pub mod sdk;

pub use call_error::CallError;
