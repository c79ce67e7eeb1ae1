//! The local cloud: all of Bestow in one process on 127.0.0.1, with no account and no Docker.
//!
//! | room | what is in it |
//! |---|---|
//! | `template` | `template.yaml`, evaluated: what to run |
//! | `gateway` | what stands where API Gateway would |
//! | `triggers` | queues, streams and schedules that invoke functions |
//! | `lambda` | functions: in this process, in [`processes`] of their own, or behind an Invoke API |
//! | `emulators` | DynamoDB, SQS and EventBridge |
//! | `data` | what is kept in the data directory |
//! | [`commands`] | the command line |
//! | `holder` | a wallet to take a credential with |
//!
//! [`LocalCloud::start`] puts them together, for the command line, tests and benchmarks.

mod access_keys;
mod cloud;
pub mod commands;
mod data;
mod emulators;
mod error;
mod events;
mod gateway;
mod holder;
mod lambda;
mod options;
mod running_cloud;
mod stop;
mod template;
mod triggers;

pub use cloud::LocalCloud;
pub use data::data_dir::DataDirError;
pub use data::identity::AUTHORITY_FILE;
pub use emulators::event_bus::{EventQuery, PublishedEvent};
pub use error::StartError;
pub use events::Event;
pub use gateway::answer::of_processes as answer_by_processes;
pub use lambda::environment::AwsEndpoints;
pub use lambda::host::{Binaries, FunctionHost};
pub use lambda::processes;
pub use options::{ChangeEnvironment, DEFAULT_API_KEY, DEFAULT_WEBHOOK_SECRET, Options};
pub use running_cloud::RunningCloud;
pub use template::{EventSource, Function, Queue, Route, Schedule, Stack, TEMPLATE};
