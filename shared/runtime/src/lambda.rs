//! A function's `main`: environment, log, handler, and then one invocation after the other.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::SystemTime;

use axum::Router;
use lambda_http::{Adapter, RequestExt};
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tower::ServiceExt;

pub use lambda_runtime::Error;

use crate::env::{ConfigError, Env};
use crate::{metrics, telemetry};

/// Serves HTTP requests with the routes that `app` makes of the environment.
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

/// A function that takes events: of a queue, a stream or a schedule.
pub trait EventFunction: Sized + Send + Sync + 'static {
    /// What it is invoked with.
    type Event: DeserializeOwned + Send;
    /// What it answers.
    type Answer: Serialize;

    /// Reads its configuration. A fault names its variable.
    fn from_env(env: &Env) -> impl Future<Output = Result<Self, ConfigError>> + Send;

    /// Handles an event before `deadline`, when Lambda ends the invocation.
    ///
    /// # Errors
    /// Fails the invocation, so that a queue or a stream delivers the event again. It must not quote the event.
    fn handle(
        &self,
        event: Self::Event,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// Handles events with the function that the environment configures.
pub async fn serve_events<F: EventFunction>() -> ExitCode {
    let function = match started(F::from_env).await {
        Ok(function) => function,
        Err(failure) => return failure,
    };
    let function = &function;
    // Boxed here and above: the compiler gives up on futures nested this deeply.
    let handler = service_fn(
        async move |event: LambdaEvent<Payload<F::Event>>| -> Result<F::Answer, Diagnostic> {
            let LambdaEvent { payload, context } = event;
            metrics::go_with_lines(false);
            let handled = Box::pin(function.handle(payload.0, context.deadline()));
            telemetry::invocation(&context, handled)
                .await?
                .map_err(Diagnostic::from)
        },
    );
    ended(Runtime::new(handler).run().await)
}

/// An event that is read at once. `lambda_runtime` follows the path of each member that it reads, for its message about
/// one that it cannot read, which takes longer than the reading.
struct Payload<E>(E);

impl<'de, E: DeserializeOwned> Deserialize<'de> for Payload<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = Box::<RawValue>::deserialize(deserializer)?;
        serde_json::from_str(event.get())
            .map(Self)
            .map_err(D::Error::custom)
    }
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

/// The Runtime API has ended. (Lambda stops processes without asking.)
fn ended(end: Result<(), impl Display>) -> ExitCode {
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tracing::error!(%fault, "the Runtime API gave no more invocations");
            ExitCode::FAILURE
        }
    }
}
