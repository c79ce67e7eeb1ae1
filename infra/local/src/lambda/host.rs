//! The functions, ready to be invoked: where they run, and how they are reached there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bestow_functions::EventHandler;
use bestow_runtime::Env;
use futures::FutureExt;
use serde_json::Value;

use super::environment::AwsEndpoints;
use super::invocation::EventFunction;
use super::invoke_api;
use super::processes::{LambdaConfig, LambdaFunction, LogSink};
use crate::StartError;
use crate::template::Function;

/// Where the functions run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionHost {
    /// In this process, behind the routes of the template.
    InProcess,
    /// In processes of their own, which ask the Lambda Runtime API for work, behind the routes of the
    /// template: as on Lambda, and slower to start.
    Processes {
        /// What the processes run.
        binaries: Binaries,
        /// How many processes of each function there may be at once.
        max_processes: usize,
        /// Where they find AWS instead of the embedded services, such as a proxy in front of those.
        aws: Option<AwsEndpoints>,
    },
    /// Behind a Lambda Invoke API, such as the one of `cargo lambda watch`: this process serves the
    /// AWS endpoints alone, and posts the batches of queues and streams there. `GET /health` and
    /// `GET /local/events` are answered still.
    InvokeApi {
        /// The API's address, without a trailing slash: `http://127.0.0.1:9000`.
        endpoint: String,
    },
}

/// The binaries of functions that run in processes of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binaries {
    /// A folder with one for each function, as they are deployed.
    InFolder(PathBuf),
    /// One that becomes the function that `AWS_LAMBDA_FUNCTION_NAME` names, as the command of the local cloud does.
    One(PathBuf),
}

/// A function that is ready to be invoked.
pub(crate) enum Handler {
    Http(HttpFunction),
    Events(EventFunction),
}

/// A function that answers HTTP requests.
#[derive(Clone)]
pub(crate) struct HttpFunction {
    pub(crate) binary: String,
    pub(crate) app: App,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
}

/// Where its requests go.
#[derive(Clone)]
pub(crate) enum App {
    InProcess(Router),
    Processes(LambdaFunction),
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
    environment: &BTreeMap<String, String>,
    log: &LogSink,
) -> Result<Started, StartError> {
    let listed = bestow_functions::Function::named(&function.binary).ok_or_else(|| {
        StartError::UnknownFunction {
            function: function.logical_id.clone(),
            binary: function.binary.clone(),
        }
    })?;
    match host {
        FunctionHost::InProcess => in_process(listed, function, environment).await,
        FunctionHost::Processes {
            binaries,
            max_processes,
            ..
        } => {
            let processes = LambdaFunction::new(LambdaConfig {
                name: function.binary.clone(),
                binary: match binaries {
                    Binaries::InFolder(folder) => folder.join(&function.binary),
                    Binaries::One(binary) => binary.clone(),
                },
                environment: environment.clone(),
                memory_mb: function.memory_mb,
                timeout: function.timeout,
                max_processes: *max_processes,
                log: Arc::clone(log),
            });
            Ok(Started {
                handler: if listed.is_http() {
                    http(function, App::Processes(processes.clone()))
                } else {
                    events(function, by_events(processes.clone()))
                },
                env: None,
                processes: Some(processes),
            })
        }
        FunctionHost::InvokeApi { endpoint } => Ok(Started {
            handler: events(function, invoke_api::handler(endpoint, function)),
            env: None,
            processes: None,
        }),
    }
}

/// As the function's own `main` would.
async fn in_process(
    listed: &bestow_functions::Function,
    function: &Function,
    environment: &BTreeMap<String, String>,
) -> Result<Started, StartError> {
    let env: Env = environment.clone().into_iter().collect();
    let handler = listed.start(&env, function.timeout).await;
    let handler = handler.map_err(|reason| StartError::Function {
        function: function.logical_id.clone(),
        reason,
    })?;
    Ok(Started {
        handler: match handler {
            bestow_functions::Handler::Http(routes) => http(function, App::InProcess(routes)),
            bestow_functions::Handler::Events(handler) => events(function, handler),
        },
        env: Some(env),
        processes: None,
    })
}

fn http(function: &Function, app: App) -> Handler {
    Handler::Http(HttpFunction {
        binary: function.binary.clone(),
        app,
        timeout: function.timeout,
    })
}

fn events(function: &Function, handler: EventHandler) -> Handler {
    Handler::Events(EventFunction {
        handler,
        timeout: function.timeout,
    })
}

fn by_events(function: LambdaFunction) -> EventHandler {
    Arc::new(move |event| {
        let function = function.clone();
        async move { invoke(&function, &event).await }.boxed()
    })
}

async fn invoke(function: &LambdaFunction, event: &Value) -> Result<Value, String> {
    let answer = function.invoke(event.to_string()).await;
    let answer = answer.map_err(|fault| fault.to_string())?;
    serde_json::from_slice(&answer).map_err(|fault| format!("its answer is no JSON ({fault})"))
}
