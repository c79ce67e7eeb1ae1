//! The list of the functions, for whatever runs them besides Lambda: the local cloud, tests and benchmarks.
//!
//! Each runs in the caller's process ([`Function::start`]) or as a Lambda process ([`Function::serve`]).

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use bestow_deliver_webhook::DeliverWebhook;
use bestow_poll_status::PollStatus;
use bestow_publish_changes::PublishChanges;
use bestow_purge_expired_claims::PurgeExpiredClaims;
use bestow_runtime::lambda::{EventFunction, serve_events, serve_http};
use bestow_runtime::{ConfigError, Env};
use bestow_start_queued::StartQueued;
use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use lambda_http::{Adapter, Context, LambdaEvent, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// All functions, sorted by name.
pub static FUNCTIONS: &[Function] = &[
    events::<DeliverWebhook>("deliver-webhook"),
    http("deliveries", |env| bestow_deliveries::app(env).boxed()),
    http("get-status", |env| bestow_get_status::app(env).boxed()),
    events::<PollStatus>("poll-status"),
    events::<PublishChanges>("publish-changes"),
    events::<PurgeExpiredClaims>("purge-expired-claims"),
    http("set-credential-status", |env| {
        bestow_set_credential_status::app(env).boxed()
    }),
    http("start-bulk", |env| bestow_start_bulk::app(env).boxed()),
    http("start-issue", |env| bestow_start_issue::app(env).boxed()),
    events::<StartQueued>("start-queued"),
    http("wallet", |env| bestow_wallet::app(env).boxed()),
    http("wallet-callback", |env| {
        bestow_wallet_callback::app(env).boxed()
    }),
];

/// A function of the list.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// The name of its folder in `functions/`, of its package and of its binary.
    pub name: &'static str,
    trigger: Trigger,
}

/// What invokes a function, and how it starts.
#[derive(Debug, Clone, Copy)]
enum Trigger {
    Http(App),
    Events {
        start: fn(&Env, Duration) -> BoxFuture<'_, Result<Handler, ConfigError>>,
        serve: fn() -> LocalBoxFuture<'static, ExitCode>,
    },
}

type App = fn(&Env) -> BoxFuture<'_, Result<Router, ConfigError>>;

/// Takes an event as Lambda writes it (an HTTP request, messages of a queue, records of a stream, a schedule's time),
/// and gives the function's answer. `Err` is an invocation that failed as a whole.
pub type Handler = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

const fn http(name: &'static str, app: App) -> Function {
    let trigger = Trigger::Http(app);
    Function { name, trigger }
}

const fn events<F: EventFunction>(name: &'static str) -> Function {
    let trigger = Trigger::Events {
        start: |env, timeout| start_events::<F>(env, timeout).boxed(),
        serve: || serve_events::<F>().boxed_local(),
    };
    Function { name, trigger }
}

impl Function {
    /// The function of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    /// The function that this process is to be: inside Lambda, or a Lambda host that is like it, the one that
    /// `AWS_LAMBDA_FUNCTION_NAME` names; anywhere else none.
    pub fn of_this_process() -> Option<&'static Self> {
        std::env::var_os("AWS_LAMBDA_RUNTIME_API")?;
        Self::named(&std::env::var("AWS_LAMBDA_FUNCTION_NAME").ok()?)
    }

    /// Whether it answers HTTP requests; otherwise it takes events.
    pub fn is_http(&self) -> bool {
        matches!(self.trigger, Trigger::Http(_))
    }

    /// Starts it in this process, with the configuration in `env`. A function that takes events is told that each
    /// invocation may take `timeout`; nothing here ends one that takes longer.
    ///
    /// # Errors
    /// What is wrong with the configuration, by the name of its variable.
    pub async fn start(&self, env: &Env, timeout: Duration) -> Result<Handler, ConfigError> {
        match self.trigger {
            Trigger::Http(app) => app(env).await.map(of_routes),
            Trigger::Events { start, .. } => start(env, timeout).await,
        }
    }

    /// Runs it as this process, as its `main` does, until the Lambda Runtime API is gone.
    pub async fn serve(&self) -> ExitCode {
        match self.trigger {
            Trigger::Http(app) => serve_http(app).await,
            Trigger::Events { serve, .. } => serve().await,
        }
    }
}

/// The handler that answers requests, in API Gateway's payload format 2.0, with these routes.
pub fn of_routes(routes: Router) -> Handler {
    handler(move |request| {
        let event = LambdaEvent::new(request, Context::default());
        // A router is always ready.
        let answer = Adapter::from(routes.clone()).call(event);
        async { answer.await.map_err(|never| match never {}) }
    })
}

async fn start_events<F: EventFunction>(
    env: &Env,
    timeout: Duration,
) -> Result<Handler, ConfigError> {
    let function = Arc::new(F::from_env(env).await?);
    Ok(handler(move |event| {
        let function = Arc::clone(&function);
        async move {
            let answer = function.handle(event, SystemTime::now() + timeout).await;
            answer.map_err(|fault| fault.to_string())
        }
    }))
}

fn handler<E, A, F>(handle: impl Fn(E) -> F + Clone + Send + Sync + 'static) -> Handler
where
    E: DeserializeOwned + Send,
    A: Serialize,
    F: Future<Output = Result<A, String>> + Send,
{
    Arc::new(move |event| {
        let handle = handle.clone();
        async move {
            let event = serde_json::from_value(event)
                .map_err(|fault| format!("the event is not of its kind ({fault})"))?;
            let answer = handle(event).await?;
            serde_json::to_value(answer).map_err(|fault| fault.to_string())
        }
        .boxed()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_list_has_each_folder_of_functions_once() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
        let folders: BTreeSet<String> = folder
            .read_dir()
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.into_string().expect("UTF-8"))
            .collect();
        let names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
        assert_eq!(names, folders.iter().collect::<Vec<_>>());
    }
}
