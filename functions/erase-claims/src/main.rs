//! The function `erase-claims`: wiring only.

use std::sync::Arc;

use erase_claims::EraseClaims;
use lambda_runtime::{LambdaEvent, service_fn, tracing};
use serde::de::IgnoredAny;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    tracing::init_default_subscriber();
    let erase_claims = Arc::new(EraseClaims::from_env(&runtime::Env::from_process()).await?);
    let handler = service_fn(move |event: LambdaEvent<IgnoredAny>| {
        let erase_claims = Arc::clone(&erase_claims);
        async move {
            let erased = erase_claims.handle(event.context.deadline()).await?;
            Ok::<_, lambda_runtime::Error>(erased)
        }
    });
    lambda_runtime::run(handler).await
}
