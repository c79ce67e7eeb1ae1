//! An embedded queue service that speaks the SQS API.
//!
//! [`QueueService`] keeps queues in SQLite, in memory or in a file, and serves the JSON protocol of
//! SQS (`AwsJson1.0`, `x-amz-target: AmazonSQS.*`), so that a program that uses an AWS SDK needs
//! nothing but another endpoint. A program that embeds the service can also call it directly, which
//! is what an event loop does that feeds a function from a queue.
//!
//! Standard and FIFO queues, delays, visibility time-outs, long polling, redrive to dead-letter
//! queues, move tasks, batches, message attributes, and the limits of SQS behave as in AWS. A long
//! poll sleeps until a message is sent or the next one falls due; nothing polls.
//!
//! # Not imitated
//!
//! - Requests are not authenticated, and policies, encryption settings and `RedriveAllowPolicy` are
//!   stored and shown but not enforced.
//! - Throughput quotas, the limit of in-flight messages, and the 60 seconds that AWS wants between
//!   two purges, or before a deleted queue is created anew.
//! - `ReceiveRequestAttemptId` is ignored: a receive whose answer is lost leaves its messages in
//!   flight until their visibility time-out is over.
//! - A move task moves all its messages at once, whatever rate it is given.
//! - The older query protocol (XML).

mod address;
mod error;
mod message;
mod message_attributes;
mod protocol;
mod queue_attributes;
mod server;
mod service;
mod store;
mod wakeups;

pub use address::{ACCOUNT_ID, REGION, queue_arn, queue_url};
pub use error::Error;
pub use message::{Message, NewMessage, Sent};
pub use message_attributes::{AttributeValue, MessageAttribute};
pub use queue_attributes::{FifoSettings, QueueAttributes, RedrivePolicy};
pub use service::{Clock, QueueService, Receive};
pub use store::MessageCounts;
