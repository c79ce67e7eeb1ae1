//! AWS adapters: the ports of the two domains on DynamoDB, SQS, EventBridge and KMS.
//!
//! The features keep the two bounded contexts apart: a function that links `issuance` cannot name
//! what belongs to `wallet`, and the other way round. Only erase-claims links both, `jobs` and `wallet`,
//! because it sweeps the tables of both.

mod batch_get;
mod call_error;
mod conflicts;
mod delivery_table;
pub mod erasure;
mod event_bus;
mod failure_queue;
mod issuance_table;
mod item;
mod job_table;
mod kms_key;
mod message_trace;
mod pause;
mod poll_queue;
mod queue;
pub mod sdk;
mod start_queue;
pub mod wallet_table;
mod webhook_queue;

pub use call_error::CallError;
pub use delivery_table::DeliveryTable;
pub use event_bus::EventBus;
pub use failure_queue::FailureQueue;
pub use issuance_table::{IssuanceTable, announcement, trace_of};
pub use job_table::{JobTable, LINES_TO_ERASE};
pub use kms_key::{KmsKey, KmsKeyError};
pub use poll_queue::PollQueue;
pub use start_queue::StartQueue;
pub use webhook_queue::WebhookQueue;
