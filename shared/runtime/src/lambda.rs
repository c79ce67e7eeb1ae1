//! A function's `main`: the environment, the log, the handler, and then one invocation after the other.

use std::fmt::Display;
use std::process::ExitCode;

use axum::Router;
use lambda_http::{Adapter, RequestExt};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt;

use crate::env::{ConfigError, Env};
use crate::{metrics, telemetry};

/// Serves HTTP requests with the routes that `app` makes of the environment, until the process is stopped.
pub async fn serve_http(app: impl AsyncFnOnce(&Env) -> Result<Router, ConfigError>) -> ExitCode {
    let app = match started(app).await {
        Ok(app) => app,
        Err(failure) => return failure,
    };
    let handler = service_fn(move |request: lambda_http::Request| {
        let app = app.clone();
        let context = request.lambda_context();
        async move {
            metrics::go_with_lines(true);
            telemetry::invocation(&context, Box::pin(app.oneshot(request)))
                .await
                .map(|Ok(response)| response)
        }
    });
    ended(Runtime::new(Adapter::from(handler)).run().await)
}

/// Handles events with what `start` makes of the environment, until the process is stopped. An error of the
/// handler fails the invocation: the event comes again where its source delivers again. It must not quote
/// what is in the event.
pub async fn serve_events<E, A, H>(
    start: impl AsyncFnOnce(&Env) -> Result<H, ConfigError>,
) -> ExitCode
where
    E: DeserializeOwned,
    A: Serialize,
    H: AsyncFn(LambdaEvent<E>) -> Result<A, lambda_runtime::Error>,
{
    let handler = match started(start).await {
        Ok(handler) => handler,
        Err(failure) => return failure,
    };
    let handler = &handler;
    // Boxed here and above: futures in futures in futures are more than the compiler follows.
    let handler = service_fn(
        async move |event: LambdaEvent<E>| -> Result<A, Diagnostic> {
            let context = event.context.clone();
            metrics::go_with_lines(false);
            telemetry::invocation(&context, Box::pin(handler(event)))
                .await?
                .map_err(Diagnostic::from)
        },
    );
    ended(Runtime::new(handler).run().await)
}

async fn started<T>(
    start: impl AsyncFnOnce(&Env) -> Result<T, ConfigError>,
) -> Result<T, ExitCode> {
    let env = Env::from_process();
    telemetry::start(&env);
    start(&env).await.map_err(|fault| {
        tracing::error!(%fault, "the function cannot start");
        ExitCode::FAILURE
    })
}

/// Lambda stops processes without asking, so this is the end of a Runtime API that is gone.
fn ended(end: Result<(), impl Display>) -> ExitCode {
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!(%fault, "the Runtime API gave no more invocations");
            ExitCode::FAILURE
        }
    }
}
