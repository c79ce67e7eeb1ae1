//! The function `start-queued`: wiring only.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn, tracing};
use start_queued::StartQueued;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::init_default_subscriber();
    let start_queued = Arc::new(StartQueued::from_env(&runtime::Env::from_process()).await?);
    let handler = service_fn(move |event: LambdaEvent<SqsEvent>| {
        let start_queued = Arc::clone(&start_queued);
        async move { Ok::<_, lambda_runtime::Error>(start_queued.handle(event.payload).await) }
    });
    lambda_runtime::run(handler).await
}
