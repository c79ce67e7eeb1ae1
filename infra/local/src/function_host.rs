//! The functions: their own handlers in this process, or elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use functions::Handler;
use futures::FutureExt;
use runtime::Env;
use serde_json::Value;

use crate::lambda_process::{LambdaConfig, LambdaFunction, LogSink, gateway, with_delivered_paths};
use crate::options::Binaries;
use crate::template::{Function, Route};
use crate::{FunctionHost, StartError, invoke_api};

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
                binary: match binaries {
                    Binaries::InFolder(folder) => folder.join(&function.binary),
                    Binaries::One(binary) => binary.clone(),
                },
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
    let listed = functions::Function::named(&function.binary).ok_or_else(|| {
        StartError::UnknownFunction {
            function: function.logical_id.clone(),
            binary: function.binary.clone(),
        }
    })?;
    let env: Env = environment.clone().into_iter().collect();
    let handler = listed.start(&env, function.timeout).await;
    let handler = handler.map_err(|reason| StartError::Function {
        function: function.logical_id.clone(),
        reason,
    })?;
    Ok(Started {
        handler: match handler {
            Handler::Http(routes) => Handler::Http(with_delivered_paths(routes)),
            events => events,
        },
        env: Some(env),
        processes: None,
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
