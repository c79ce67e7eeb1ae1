//! An embedded queue service that speaks the SQS API, as far as Bestow and its operators use it.
//!
//! [`QueueService`] keeps queues in SQLite, in memory or in a file, and serves the JSON protocol of
//! SQS, so that AWS SDKs and the AWS CLI need nothing but another endpoint. A program that embeds it
//! can also call it directly.
//!
//! Standard queues with delays, visibility time-outs, long polling, redrive to dead-letter queues
//! and back, batches, `AWSTraceHeader`, and the limits of SQS behave as in AWS. A long poll sleeps
//! until a message is sent or the next one falls due; nothing polls.
//!
//! # Not imitated
//!
//! - FIFO queues, message attributes, tags, permissions, batches of deletes, and the management of
//!   queues over HTTP. An operation or a parameter that is not served is refused.
//! - Authentication, throughput quotas, the limit of in-flight messages, and the 60 seconds that
//!   AWS wants between two purges.
//! - A move task moves all its messages at once.
//! - The older query protocol (XML).

mod address;
mod error;
mod in_flight;
mod limits;
mod message;
mod move_tasks;
mod protocol;
mod queue_attributes;
mod queues;
mod receive;
mod send;
mod server;
mod service;
mod store;

pub use address::queue_arn;
pub use error::Error;
pub use message::{Message, NewMessage};
pub use queues::MessageCounts;
pub use receive::Receive;
pub use service::{Clock, QueueService};
