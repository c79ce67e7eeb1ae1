//! AWS adapters: the ports of the two domains on DynamoDB, SQS, EventBridge and KMS.
//!
//! The features keep the two bounded contexts apart: a function that links `issuance` cannot name
//! what belongs to `wallet`, and the other way round. Only erase-claims links both, `jobs` and `wallet`,
//! because it sweeps the tables of both.

#[cfg(any(feature = "issuance", feature = "webhooks"))]
mod batch_get;
mod call_error;
#[cfg(any(feature = "jobs", feature = "wallet"))]
mod conflicts;
#[cfg(feature = "webhooks")]
mod delivery_table;
#[cfg(any(feature = "jobs", feature = "wallet"))]
pub mod erasure;
#[cfg(feature = "publish")]
mod event_bus;
#[cfg(feature = "publish")]
mod failure_queue;
#[cfg(feature = "issuance")]
mod issuance_table;
mod item;
#[cfg(feature = "jobs")]
mod job_table;
#[cfg(feature = "wallet")]
mod kms_key;
#[cfg(any(feature = "issuance", feature = "jobs", feature = "webhooks"))]
mod message_trace;
#[cfg(any(feature = "issuance", feature = "jobs", feature = "webhooks"))]
mod pause;
#[cfg(feature = "issuance")]
mod poll_queue;
#[cfg(any(feature = "issuance", feature = "jobs", feature = "webhooks"))]
mod queue;
pub mod sdk;
#[cfg(feature = "jobs")]
mod start_queue;
#[cfg(feature = "wallet")]
pub mod wallet_table;
#[cfg(feature = "webhooks")]
mod webhook_queue;

pub use call_error::CallError;
#[cfg(feature = "webhooks")]
pub use delivery_table::DeliveryTable;
#[cfg(feature = "publish")]
pub use event_bus::EventBus;
#[cfg(feature = "publish")]
pub use failure_queue::FailureQueue;
#[cfg(feature = "issuance")]
pub use issuance_table::{IssuanceTable, announcement, trace_of};
#[cfg(feature = "jobs")]
pub use job_table::{JobTable, LINES_TO_ERASE};
#[cfg(feature = "wallet")]
pub use kms_key::{KmsKey, KmsKeyError};
#[cfg(feature = "issuance")]
pub use poll_queue::PollQueue;
#[cfg(feature = "jobs")]
pub use start_queue::StartQueue;
#[cfg(feature = "webhooks")]
pub use webhook_queue::WebhookQueue;
