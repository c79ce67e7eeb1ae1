//! The function `poll-status`: wiring only.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use lambda_runtime::{LambdaEvent, service_fn, tracing};
use poll_status::PollStatus;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::init_default_subscriber();
    let poll_status = Arc::new(PollStatus::from_env(&runtime::Env::from_process()).await?);
    let handler = service_fn(move |event: LambdaEvent<SqsEvent>| {
        let poll_status = Arc::clone(&poll_status);
        async move { Ok::<_, lambda_runtime::Error>(poll_status.handle(event.payload).await) }
    });
    lambda_runtime::run(handler).await
}
