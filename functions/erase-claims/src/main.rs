//! The function `erase-claims`: wiring only.

use std::process::ExitCode;

use erase_claims::EraseClaims;
use lambda_runtime::LambdaEvent;
use serde::de::IgnoredAny;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    runtime::lambda::serve_events(async |env| {
        let erase_claims = EraseClaims::from_env(env).await?;
        Ok(async move |event: LambdaEvent<IgnoredAny>| {
            Ok(erase_claims.handle(event.context.deadline()).await?)
        })
    })
    .await
}
