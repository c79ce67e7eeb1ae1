//! What stands where Lambda would: functions in this process, in processes of their own, or behind an Invoke API.

pub(crate) mod environment;
pub(crate) mod host;
mod invoke_api;
pub mod processes;
