//! The function `poll-status`: wiring only.

use std::process::ExitCode;

use lambda_runtime::LambdaEvent;
use poll_status::{PollEvent, PollStatus};

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::lambda::serve_events(async |env| {
        let poll_status = PollStatus::from_env(env).await?;
        Ok(async move |event: LambdaEvent<PollEvent>| Ok(poll_status.handle(event.payload).await))
    })
    .await
}
