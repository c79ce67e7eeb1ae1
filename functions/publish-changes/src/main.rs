//! The function `publish-changes`: wiring only.

use std::process::ExitCode;

use lambda_runtime::LambdaEvent;
use publish_changes::PublishChanges;
use runtime::stream::StreamEvent;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::lambda::serve_events(async |env| {
        let publish_changes = PublishChanges::from_env(env).await?;
        Ok(async move |event: LambdaEvent<StreamEvent>| {
            Ok(publish_changes.handle(event.payload).await)
        })
    })
    .await
}
