//! The local cloud: all of Bestow in one process on 127.0.0.1, with no account and no Docker.
//!
//! An embedded DynamoDB, queue service and event bus stand in for AWS, the functions' own handlers answer on
//! the routes of `template.yaml`, event loops feed them from queues and streams as Lambda would, and
//! schedules invoke them.
//! The functions use the AWS SDK and nothing else: to them this is just another endpoint.
//!
//! [`template`] reads what to run, [`LocalCloud::start`] runs it, and [`holder`] is a wallet to take a
//! credential with. `main.rs` puts them behind a command line; tests and benchmarks start the cloud on
//! free ports in their own process.

mod access_keys;
mod checkpoints;
pub mod cli;
mod cloud;
mod data_dir;
mod dispatch;
mod emulators;
mod environment;
mod error;
mod event_bus;
mod event_loop;
mod events;
mod function_host;
mod function_log;
pub mod holder;
mod identity;
mod invocation;
mod invoke_api;
pub mod lambda_process;
mod listeners;
mod options;
mod route_table;
mod running_cloud;
mod schedule_loop;
mod scratch;
mod secrets;
mod stop;
mod stream_loop;
mod stream_records;
pub mod template;

pub use cloud::LocalCloud;
pub use data_dir::DataDirError;
pub use environment::AwsEndpoints;
pub use error::StartError;
pub use event_bus::{EventQuery, PublishedEvent};
pub use events::Event;
pub use identity::{AUTHORITY_FILE, IdentityError};
pub use options::{
    Binaries, ChangeEnvironment, DEFAULT_API_KEY, DEFAULT_WEBHOOK_SECRET, FunctionHost, Options,
};
pub use running_cloud::RunningCloud;
