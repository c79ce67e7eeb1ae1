//! The function `start-queued`: wiring only.

use std::process::ExitCode;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::LambdaEvent;
use start_queued::StartQueued;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::lambda::serve_events(async |env| {
        let start_queued = StartQueued::from_env(env).await?;
        Ok(async move |event: LambdaEvent<SqsEvent>| Ok(start_queued.handle(event.payload).await))
    })
    .await
}
