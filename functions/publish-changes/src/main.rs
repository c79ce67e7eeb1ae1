//! The function `publish-changes`: wiring only.

use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn, tracing};
use publish_changes::{PublishChanges, StreamEvent};

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::init_default_subscriber();
    let publish_changes = Arc::new(PublishChanges::from_env(&runtime::Env::from_process()).await?);
    let handler = service_fn(move |event: LambdaEvent<StreamEvent>| {
        let publish_changes = Arc::clone(&publish_changes);
        async move { Ok::<_, lambda_runtime::Error>(publish_changes.handle(event.payload).await) }
    });
    lambda_runtime::run(handler).await
}
