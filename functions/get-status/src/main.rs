//! The function `get-status`: wiring only.

use lambda_http::tracing;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    tracing::init_default_subscriber();
    let app = get_status::app(&runtime::Env::from_process()).await?;
    runtime::http::serve(app).await
}
