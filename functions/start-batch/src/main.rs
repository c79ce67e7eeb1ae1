//! The function `start-batch`: wiring only.

use lambda_http::tracing;

// One thread: a function has a fraction of a core, and passing work between threads only costs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    tracing::init_default_subscriber();
    let app = start_batch::app(&runtime::Env::from_process()).await?;
    runtime::http::serve(app).await
}
