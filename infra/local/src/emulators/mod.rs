//! The embedded AWS: DynamoDB, SQS and EventBridge, and where they are.

pub(crate) mod event_bus;
pub(crate) mod listeners;
pub(crate) mod services;
pub(crate) mod stream_records;
