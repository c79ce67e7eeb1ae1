//! AWS adapters: the ports of the two domains on DynamoDB, SQS, EventBridge and KMS.
//!
//! The features keep the two bounded contexts apart: a function that links `issuance` cannot name
//! what belongs to `wallet`, and the other way round.

mod call_error;
#[cfg(feature = "publish")]
mod event_bus;
#[cfg(feature = "publish")]
mod failure_queue;
#[cfg(feature = "issuance")]
mod issuance_table;
#[cfg(feature = "wallet")]
mod kms_key;
#[cfg(feature = "issuance")]
mod message_trace;
#[cfg(feature = "issuance")]
mod poll_queue;
pub mod sdk;
#[cfg(feature = "wallet")]
pub mod wallet_table;

pub use call_error::CallError;
#[cfg(feature = "publish")]
pub use event_bus::EventBus;
#[cfg(feature = "publish")]
pub use failure_queue::FailureQueue;
#[cfg(feature = "issuance")]
pub use issuance_table::{IssuanceTable, announcement};
#[cfg(feature = "wallet")]
pub use kms_key::{KmsKey, KmsKeyError};
#[cfg(feature = "issuance")]
pub use poll_queue::PollQueue;
