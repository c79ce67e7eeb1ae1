//! What adapters on AWS are built from: the SDK's configuration, items, conditional writes, queues, and the index of
//! what is to be erased. It knows no domain; `backend` and `bundled-wallet` have the tables and queues of theirs.

mod batch;
mod call_error;
pub mod erasure;
pub mod item;
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
pub use service::{Dynamodb, EventBridge, Kms, Service, Sqs};
pub use table::{Table, Transacted};
pub use write::{Write, Written};
