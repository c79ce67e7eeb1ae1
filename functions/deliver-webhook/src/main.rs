//! The function `deliver-webhook`: wiring only.

use std::process::ExitCode;

use aws_lambda_events::sqs::SqsEvent;
use deliver_webhook::DeliverWebhook;
use lambda_runtime::LambdaEvent;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::lambda::serve_events(async |env| {
        let deliver_webhook = DeliverWebhook::from_env(env).await?;
        Ok(async move |event: LambdaEvent<SqsEvent>| {
            Ok(deliver_webhook.handle(event.payload).await)
        })
    })
    .await
}
