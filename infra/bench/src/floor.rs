//! The least CPU time that invocations and AWS calls take: that of an empty function, and of bare signed requests.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bestow_local::Route;
use bestow_local::processes::{LambdaConfig, LambdaFunction};
use bestow_local::{LocalCloud, Options, answer_by_processes};
use futures::{TryStreamExt, stream};

use crate::Failure;
use crate::processes::Processes;
use crate::usage::{Quantity, Usage};

const INVOCATIONS: usize = 2_000;
/// Calls of an invocation, where calls are measured.
const CALLS: usize = 5;
const WARM_UP: usize = 200;

/// CPU time in milliseconds.
pub(crate) struct Floor {
    pub(crate) invocation_ms: f64,
    pub(crate) call_ms: f64,
}

impl Floor {
    /// Invokes a function that does nothing else, so many times at once.
    pub(crate) async fn measure(processes: &Processes, at_once: usize) -> Result<Self, Failure> {
        let cloud = LocalCloud::start(Options::default()).await?;
        let mut environment = cloud.aws_environment();
        environment.insert("TABLE".to_owned(), cloud.issuance_table().to_owned());
        let function = LambdaFunction::new(LambdaConfig {
            name: "floor-function".to_owned(),
            binary: processes.binary("floor-function")?,
            environment,
            memory_mb: 256,
            timeout: Duration::from_secs(10),
            max_processes: processes.at_most(),
            log: Arc::new(|_| {}),
        });
        invoke(&function, WARM_UP, 1, at_once).await?;
        let invocation_ms = invoke(&function, INVOCATIONS, 0, at_once).await?;
        let with_calls_ms = invoke(&function, INVOCATIONS, CALLS, at_once).await?;
        function.stop().await;
        cloud.shutdown().await;
        Ok(Self {
            invocation_ms,
            call_ms: (with_calls_ms - invocation_ms) / CALLS as f64,
        })
    }

    /// The least for as many invocations and calls, in milliseconds.
    pub(crate) fn of(&self, usage: &Usage) -> f64 {
        usage.total(Quantity::Invocations) * self.invocation_ms
            + usage.total(Quantity::AwsCalls) * self.call_ms
    }
}

/// The CPU time of one of so many invocations, in milliseconds.
async fn invoke(
    function: &LambdaFunction,
    invocations: usize,
    calls: usize,
    at_once: usize,
) -> Result<f64, Failure> {
    let route = Route {
        path: "/".to_owned(),
        method: "GET".to_owned(),
        function: function.name().to_owned(),
    };
    let before = cpu(function);
    stream::iter((0..invocations).map(Ok::<_, Failure>))
        .map_ok(|_| async {
            let request = Request::get(format!("/?calls={calls}")).header("host", "localhost");
            let answer = answer_by_processes(function, &route, request.body(Body::empty())?).await;
            match answer.status().is_success() {
                true => Ok(()),
                false => Err("floor-function failed".into()),
            }
        })
        .try_buffer_unordered(at_once)
        .try_collect::<()>()
        .await?;
    Ok((cpu(function) - before).as_secs_f64() * 1_000.0 / invocations as f64)
}

fn cpu(function: &LambdaFunction) -> Duration {
    let processes = function.processes().into_iter();
    processes.filter_map(|one| one.cpu).sum()
}
