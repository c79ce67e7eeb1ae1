//! The functions: their own handlers in this process, or elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use axum::Router;
use futures::FutureExt;
use futures::future::BoxFuture;
use poll_status::PollStatus;
use runtime::{ConfigError, Env};

use crate::lambda_process::{LambdaConfig, LambdaFunction, gateway, with_delivered_paths};
use crate::template::{Function, Route};
use crate::{FunctionHost, StartError, invoke_api};

/// Takes a batch of messages, and answers which of them failed; `Err` is an invocation that failed
/// as a whole.
pub(crate) type BatchHandler =
    Arc<dyn Fn(SqsEvent) -> BoxFuture<'static, Result<SqsBatchResponse, String>> + Send + Sync>;

/// A function that is ready to be invoked.
pub(crate) enum Handler {
    /// It answers HTTP requests.
    Http(Router),
    /// It takes messages of a queue.
    Batch(BatchHandler),
}

/// A function that has been started, and what can be looked at from outside.
pub(crate) struct Started {
    pub(crate) handler: Handler,
    /// The lookup that it reads, where it runs in this process.
    pub(crate) env: Option<Env>,
    /// Its processes, where it has some.
    pub(crate) processes: Option<LambdaFunction>,
}

/// Starts `function` where `host` says, with `environment` instead of this process's own.
pub(crate) async fn start(
    host: &FunctionHost,
    function: &Function,
    routes: &[Route],
    environment: &BTreeMap<String, String>,
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
                log: Arc::new(|line| {
                    tracing::info!(function = line.function, pid = line.pid, "{}", line.text);
                }),
            };
            Ok(as_processes(LambdaFunction::new(config), function, routes))
        }
        FunctionHost::InvokeApi { endpoint } => Ok(Started {
            handler: Handler::Batch(invoke_api::handler(endpoint, function)),
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
        "get-status" => get_status::app(&env).await.map(http),
        "poll-status" => poll_status(&env).await.map(Handler::Batch),
        "set-credential-status" => set_credential_status::app(&env).await.map(http),
        "start-issue" => start_issue::app(&env).await.map(http),
        "wallet" => wallet::app(&env).await.map(http),
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

async fn poll_status(env: &Env) -> Result<BatchHandler, ConfigError> {
    let handler = Arc::new(PollStatus::from_env(env).await?);
    Ok(Arc::new(move |event| {
        let handler = Arc::clone(&handler);
        async move { Ok(handler.handle(event).await) }.boxed()
    }))
}

/// A function that a route leads to answers HTTP requests; any other one takes batches.
fn as_processes(processes: LambdaFunction, function: &Function, routes: &[Route]) -> Started {
    let mut own = routes
        .iter()
        .filter(|route| route.function == function.logical_id)
        .peekable();
    let handler = if own.peek().is_some() {
        let router = own.fold(Router::new(), |router, route| {
            router.route(&route.path, gateway(processes.clone(), route))
        });
        Handler::Http(router)
    } else {
        let function = processes.clone();
        Handler::Batch(Arc::new(move |event| {
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

async fn invoke(function: &LambdaFunction, event: &SqsEvent) -> Result<SqsBatchResponse, String> {
    let payload = serde_json::to_vec(event).map_err(|fault| fault.to_string())?;
    let answer = function.invoke(payload).await;
    let answer = answer.map_err(|fault| fault.to_string())?;
    serde_json::from_slice(&answer)
        .map_err(|fault| format!("its answer is no batch response ({fault})"))
}
