//! The function `start-bulk`: wiring only.

use std::process::ExitCode;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    bestow_runtime::lambda::serve_http(bestow_start_bulk::app).await
}
