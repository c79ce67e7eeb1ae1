//! What every adapter on AWS is built from: the SDK's configuration, items and their attributes, conditional
//! writes, queues, and the index of what is to be erased. It knows no domain; the tables and queues of one
//! are in the crate of its bounded context, `backend` or `bundled-wallet`.

mod batch;
mod call_error;
pub mod erasure;
pub mod item;
mod message_trace;
pub mod queue;
mod request;
mod retry;
pub mod sdk;
mod service;
mod signature;
mod table;
mod write;

pub use call_error::CallError;
pub use request::Request;
pub use retry::Batch;
pub use service::{Dynamodb, EventBridge, Service, Sqs};
pub use table::{Table, Transacted, all_items};
pub use write::{Write, Written};
