//! The functions: their own handlers in this process, or elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use deliver_webhook::DeliverWebhook;
use erase_claims::EraseClaims;
use futures::FutureExt;
use futures::future::BoxFuture;
use poll_status::PollStatus;
use publish_changes::PublishChanges;
use runtime::{ConfigError, Env};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use start_queued::StartQueued;

use crate::lambda_process::{LambdaConfig, LambdaFunction, LogSink, gateway, with_delivered_paths};
use crate::template::{Function, Route};
use crate::{FunctionHost, StartError, invoke_api};

/// Takes an event as Lambda writes it (messages of a queue, records of a stream, a schedule's time), and gives the function's
/// answer; `Err` is an invocation that failed as a whole.
pub(crate) type EventHandler =
    Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// A function that is ready to be invoked.
pub(crate) enum Handler {
    /// It answers HTTP requests.
    Http(Router),
    /// It takes events: of a queue or a schedule, for example.
    Events(EventHandler),
}

/// A function that has been started, and what can be looked at from outside.
pub(crate) struct Started {
    pub(crate) handler: Handler,
    /// The lookup that it reads, where it runs in this process.
    pub(crate) env: Option<Env>,
    /// Its processes, where it has some.
    pub(crate) processes: Option<LambdaFunction>,
}

/// Starts `function` where `host` says, with `environment` instead of this process's own. What its processes
/// write goes to `log`.
pub(crate) async fn start(
    host: &FunctionHost,
    function: &Function,
    routes: &[Route],
    environment: &BTreeMap<String, String>,
    log: &LogSink,
) -> Result<Started, StartError> {
    match host {
        FunctionHost::InProcess => in_process(function, environment).await,
        FunctionHost::Processes {
            binaries,
            max_processes,
            ..
        } => {
            let config = LambdaConfig {
                name: function.binary.clone(),
                binary: binaries.join(&function.binary),
                environment: environment.clone(),
                memory_mb: function.memory_mb,
                timeout: function.timeout,
                max_processes: *max_processes,
                log: Arc::clone(log),
            };
            Ok(as_processes(LambdaFunction::new(config), function, routes))
        }
        FunctionHost::InvokeApi { endpoint } => Ok(Started {
            handler: Handler::Events(invoke_api::handler(endpoint, function)),
            env: None,
            processes: None,
        }),
    }
}

/// As the function's own `main` would.
async fn in_process(
    function: &Function,
    environment: &BTreeMap<String, String>,
) -> Result<Started, StartError> {
    let env: Env = environment.clone().into_iter().collect();
    let http = |routes| Handler::Http(with_delivered_paths(routes));
    let started = match function.binary.as_str() {
        "erase-claims" => erase_claims(&env, function.timeout)
            .await
            .map(Handler::Events),
        "deliver-webhook" => deliver_webhook(&env).await.map(Handler::Events),
        "deliveries" => deliveries::app(&env).await.map(http),
        "get-status" => get_status::app(&env).await.map(http),
        "poll-status" => poll_status(&env).await.map(Handler::Events),
        "publish-changes" => publish_changes(&env).await.map(Handler::Events),
        "set-credential-status" => set_credential_status::app(&env).await.map(http),
        "start-batch" => start_batch::app(&env).await.map(http),
        "start-issue" => start_issue::app(&env).await.map(http),
        "start-queued" => start_queued(&env).await.map(Handler::Events),
        "wallet" => wallet::app(&env).await.map(http),
        "wallet-callback" => wallet_callback::app(&env).await.map(http),
        binary => {
            return Err(StartError::UnknownFunction {
                function: function.logical_id.clone(),
                binary: binary.to_owned(),
            });
        }
    };
    let handler = started.map_err(|reason| StartError::Function {
        function: function.logical_id.clone(),
        reason,
    })?;
    Ok(Started {
        handler,
        env: Some(env),
        processes: None,
    })
}

/// It reads nothing of its event, and must know when it will be cut off.
async fn erase_claims(env: &Env, timeout: Duration) -> Result<EventHandler, ConfigError> {
    let function = Arc::new(EraseClaims::from_env(env).await?);
    Ok(Arc::new(move |_event| {
        let function = Arc::clone(&function);
        async move {
            let erased = function.handle(SystemTime::now() + timeout).await;
            let erased = erased.map_err(|fault| fault.to_string())?;
            serde_json::to_value(erased).map_err(|fault| fault.to_string())
        }
        .boxed()
    }))
}

async fn poll_status(env: &Env) -> Result<EventHandler, ConfigError> {
    let function = Arc::new(PollStatus::from_env(env).await?);
    Ok(events(move |event| {
        let function = Arc::clone(&function);
        async move { function.handle(event).await }
    }))
}

async fn publish_changes(env: &Env) -> Result<EventHandler, ConfigError> {
    let function = Arc::new(PublishChanges::from_env(env).await?);
    Ok(events(move |event| {
        let function = Arc::clone(&function);
        async move { function.handle(event).await }
    }))
}

async fn deliver_webhook(env: &Env) -> Result<EventHandler, ConfigError> {
    let function = Arc::new(DeliverWebhook::from_env(env).await?);
    Ok(events(move |event| {
        let function = Arc::clone(&function);
        async move { function.handle(event).await }
    }))
}

async fn start_queued(env: &Env) -> Result<EventHandler, ConfigError> {
    let function = Arc::new(StartQueued::from_env(env).await?);
    Ok(events(move |event| {
        let function = Arc::clone(&function);
        async move { function.handle(event).await }
    }))
}

/// The handler that reads its event, and writes its answer, as the Lambda runtime would.
fn events<E, A, F>(handle: impl Fn(E) -> F + Send + Sync + 'static) -> EventHandler
where
    E: DeserializeOwned,
    A: Serialize,
    F: Future<Output = A> + Send + 'static,
{
    Arc::new(move |event| {
        let handled = serde_json::from_value(event).map(&handle);
        async move {
            let answer = handled
                .map_err(|fault| format!("the event is not of its kind ({fault})"))?
                .await;
            serde_json::to_value(answer).map_err(|fault| fault.to_string())
        }
        .boxed()
    })
}

/// A function that a route leads to answers HTTP requests; any other one takes events.
fn as_processes(processes: LambdaFunction, function: &Function, routes: &[Route]) -> Started {
    let mut own = routes
        .iter()
        .filter(|route| route.function == function.logical_id)
        .peekable();
    let handler = if own.peek().is_some() {
        let router = own.fold(Router::new(), |router, route| {
            router.route(&route.axum_path(), gateway(processes.clone(), route))
        });
        Handler::Http(router)
    } else {
        let function = processes.clone();
        Handler::Events(Arc::new(move |event| {
            let function = function.clone();
            async move { invoke(&function, &event).await }.boxed()
        }))
    };
    Started {
        handler,
        env: None,
        processes: Some(processes),
    }
}

async fn invoke(function: &LambdaFunction, event: &Value) -> Result<Value, String> {
    let answer = function.invoke(event.to_string()).await;
    let answer = answer.map_err(|fault| fault.to_string())?;
    serde_json::from_slice(&answer).map_err(|fault| format!("its answer is no JSON ({fault})"))
}
