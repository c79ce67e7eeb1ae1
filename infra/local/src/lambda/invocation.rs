//! One invocation of a function by an event, as Lambda makes it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bestow_functions::EventHandler;
use futures::FutureExt;
use serde_json::Value;

/// A function that takes events.
#[derive(Clone)]
pub(crate) struct EventFunction {
    pub(crate) handler: EventHandler,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
}

impl EventFunction {
    /// Invokes the function, and gives its answer. A panic and an invocation that takes too long are failures, and
    /// nothing worse; `Err` says why it failed.
    pub(crate) async fn invoke(&self, event: Value) -> Result<Value, String> {
        // A handler holds clients and configuration, which a panic leaves as they were. It may panic before
        // its future exists, so the call is inside.
        let invocation = AssertUnwindSafe(async { (self.handler)(event).await }).catch_unwind();
        match tokio::time::timeout(self.timeout, invocation).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => Err("the function panicked".to_owned()),
            Err(_elapsed) => Err(format!(
                "the function ran into its time-out of {} s",
                self.timeout.as_secs()
            )),
        }
    }
}
