//! One invocation of a function by an event, as Lambda makes it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use functions::EventHandler;
use futures::FutureExt;
use serde_json::Value;

/// Invokes a function, and gives its answer. A panic and an invocation that takes longer than `timeout` are
/// failures, and nothing worse; `Err` says why it failed.
pub(crate) async fn invoke(
    handler: &EventHandler,
    timeout: Duration,
    event: Value,
) -> Result<Value, String> {
    // A handler holds clients and configuration, which a panic leaves as they were. It may panic before
    // its future exists, so the call is inside.
    let invocation = AssertUnwindSafe(async { handler(event).await }).catch_unwind();
    match tokio::time::timeout(timeout, invocation).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_panic)) => Err("the function panicked".to_owned()),
        Err(_elapsed) => Err(format!(
            "the function ran into its time-out of {} s",
            timeout.as_secs()
        )),
    }
}
