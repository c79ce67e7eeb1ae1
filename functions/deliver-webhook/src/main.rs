//! The function `deliver-webhook`: wiring only.

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use deliver_webhook::DeliverWebhook;
use lambda_runtime::{LambdaEvent, service_fn, tracing};

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::init_default_subscriber();
    let deliver = Arc::new(DeliverWebhook::from_env(&runtime::Env::from_process()).await?);
    let handler = service_fn(move |event: LambdaEvent<SqsEvent>| {
        let deliver = Arc::clone(&deliver);
        async move { Ok::<_, lambda_runtime::Error>(deliver.handle(event.payload).await) }
    });
    lambda_runtime::run(handler).await
}
