//! The functions, ready to be invoked: where they run, and how they are reached there.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bestow_functions::Handler;
use bestow_runtime::Env;
use futures::FutureExt;
use serde_json::Value;

use super::environment::AwsEndpoints;
use super::invoke_api;
use super::processes::{LambdaConfig, LambdaFunction, LogSink};
use crate::StartError;
use crate::template::{Function, resource_fault};

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

/// A function that was started, and what others may look at.
pub(crate) struct RunningFunction {
    pub(crate) target: Target,
    /// Whether it answers HTTP requests; otherwise it takes events.
    pub(crate) is_http: bool,
    pub(crate) variables: BTreeMap<String, String>,
    /// The lookup that it reads, where it runs in this process.
    pub(crate) env: Option<Env>,
    /// Its processes, where it has some.
    pub(crate) processes: Option<LambdaFunction>,
}

/// What invokes a function, wherever it runs.
#[derive(Clone)]
pub(crate) struct Target {
    /// The function's name.
    pub(crate) name: String,
    pub(crate) handler: Handler,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
}

impl Target {
    /// Invokes the function, and gives its answer. A panic and an invocation that takes too long are failures, and
    /// nothing worse; `Err` says why it failed.
    pub(crate) async fn invoke(&self, event: Value) -> Result<Value, String> {
        // A handler holds clients and configuration, which a panic leaves as they were. It may panic before
        // its future exists, so the call is inside.
        let invocation = AssertUnwindSafe(async { (self.handler)(event).await }).catch_unwind();
        match tokio::time::timeout(self.timeout, invocation).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_panic)) => Err("the function panicked".to_owned()),
            Err(_elapsed) => Err(format!(
                "the function ran into its time-out of {} s",
                self.timeout.as_secs()
            )),
        }
    }

    /// By a function's processes.
    pub(crate) fn of_processes(function: LambdaFunction) -> Self {
        Self {
            name: function.name().to_owned(),
            timeout: function.timeout(),
            handler: Arc::new(move |event| {
                let function = function.clone();
                async move {
                    let answer = function.invoke(event.to_string()).await;
                    let answer = answer.map_err(|fault| fault.to_string())?;
                    serde_json::from_slice(&answer)
                        .map_err(|fault| format!("its answer is no JSON ({fault})"))
                }
                .boxed()
            }),
        }
    }
}

/// Starts `function` where `host` says, with `variables` instead of this process's environment. What its processes
/// write goes to `log`.
pub(crate) async fn start(
    host: &FunctionHost,
    function: &Function,
    variables: BTreeMap<String, String>,
    log: &LogSink,
) -> Result<RunningFunction, StartError> {
    let listed = bestow_functions::Function::named(&function.binary).ok_or_else(|| {
        resource_fault(
            &function.logical_id,
            format!(
                "there is no function {} in the list of infra/functions/src/lib.rs",
                function.binary
            ),
        )
    })?;
    let (mut env, mut processes) = (None, None);
    let in_time = |handler| Target {
        name: function.binary.clone(),
        handler,
        timeout: function.timeout,
    };
    let target = match host {
        FunctionHost::InProcess => {
            let own: &Env = env.insert(variables.clone().into_iter().collect());
            let handler = listed.start(own, function.timeout).await;
            in_time(handler.map_err(|reason| StartError::Function {
                function: function.logical_id.clone(),
                reason,
            })?)
        }
        FunctionHost::Processes {
            binaries,
            max_processes,
            ..
        } => {
            let own = processes.insert(LambdaFunction::new(LambdaConfig {
                name: function.binary.clone(),
                binary: match binaries {
                    Binaries::InFolder(folder) => folder.join(&function.binary),
                    Binaries::One(binary) => binary.clone(),
                },
                environment: variables.clone(),
                memory_mb: function.memory_mb,
                timeout: function.timeout,
                max_processes: *max_processes,
                log: Arc::clone(log),
            }));
            Target::of_processes(own.clone())
        }
        FunctionHost::InvokeApi { endpoint } => in_time(invoke_api::handler(endpoint, function)),
    };
    Ok(RunningFunction {
        target,
        is_http: listed.is_http(),
        variables,
        env,
        processes,
    })
}
