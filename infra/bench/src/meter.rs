//! A local cloud whose use of AWS is counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bestow_local::processes::LambdaFunction;
use bestow_local::{Event, FunctionHost, LocalCloud, Options, RunningCloud, TEMPLATE};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::Failure;
use crate::counting_proxy::CountingProxy;
use crate::usage::{Ledger, Quantity, Usage};

/// When nothing has been counted for so long, and nothing is under way, everything has settled.
const QUIET: Duration = Duration::from_secs(1);
/// When everything must have settled.
const PATIENCE: Duration = Duration::from_secs(60);
/// What CloudWatch Logs adds to each line.
const LOG_OVERHEAD_BYTES: usize = 26;
/// What API Gateway puts into the format of its access log, besides the route.
const ACCESS_LOG_VALUES: [(&str, &str); 4] = [
    ("$context.status", "200"),
    ("$context.responseLatency", "12"),
    (
        "$context.integration.requestId",
        "0e2c1f62-3392-462e-a25e-483fa0e2a3a3",
    ),
    ("$context.integrationErrorMessage", "-"),
];
/// How often delayed messages may lead to others.
const ROUNDS: usize = 10;

/// A cloud and what it uses.
pub(crate) struct Metered {
    pub(crate) cloud: RunningCloud,
    ledger: Ledger,
    missed: Arc<AtomicBool>,
}

impl Metered {
    /// Starts a cloud. Invocations, requests and what is logged are counted always; what functions ask of AWS only
    /// if it goes through a proxy, which makes them slower.
    pub(crate) async fn start(
        functions: FunctionHost,
        through_a_proxy: bool,
    ) -> Result<Self, Failure> {
        let ledger = Ledger::default();
        let proxy = CountingProxy::start(ledger.clone()).await?;
        let log = ledger.clone();
        let options = Options {
            functions,
            function_log: Arc::new(move |line| {
                let bytes = line.text.len() + LOG_OVERHEAD_BYTES;
                log.add(Quantity::LogBytes, line.function, bytes as f64);
            }),
            change_environment: through_a_proxy.then(|| {
                let change = move |function: &str, variables: &mut BTreeMap<String, String>| {
                    proxy.stand_before(function, variables);
                };
                Arc::new(change) as bestow_local::ChangeEnvironment
            }),
            ..Options::default()
        };
        let cloud = LocalCloud::start(options).await?;
        let missed = Arc::new(AtomicBool::new(false));
        let names = cloud.stack().functions.iter();
        let names = names.map(|one| (one.logical_id.clone(), one.binary.clone()));
        tokio::spawn(listen(
            cloud.events(),
            names.collect(),
            ledger.clone(),
            Arc::clone(&missed),
        ));
        Ok(Self {
            cloud,
            ledger,
            missed,
        })
    }

    /// What was used so far. CPU time is that of functions in processes of their own.
    pub(crate) fn so_far(&self) -> Result<Usage, Failure> {
        if self.missed.load(Ordering::Relaxed) {
            return Err("invocations came faster than they could be counted".into());
        }
        let mut usage = self.ledger.so_far();
        for function in self.processes() {
            let cpu = function.processes().into_iter().filter_map(|one| one.cpu);
            let ms = cpu.sum::<Duration>().as_secs_f64() * 1_000.0;
            usage.add(Quantity::CpuMs, function.name(), ms);
        }
        Ok(usage)
    }

    /// Waits until all that follows from what was done has been done, but for what is delayed.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let deadline = Instant::now() + PATIENCE;
        while self.ledger.last().elapsed() < QUIET || !self.processes().all(LambdaFunction::is_idle)
        {
            if Instant::now() > deadline {
                return Err("the functions do not come to rest".into());
            }
            tokio::time::sleep(QUIET / 10).await;
        }
        Ok(())
    }

    /// Puts the queues' clock forward until no message is left, and waits for what follows.
    pub(crate) async fn settle_delayed(&self) -> Result<(), Failure> {
        self.settle().await?;
        for _ in 0..ROUNDS {
            if self.cloud.queues().until_next_due()?.is_none() {
                return Ok(());
            }
            // The longest delay that there is.
            self.cloud.queues().let_pass(Duration::from_secs(900));
            tokio::time::sleep(QUIET).await;
            self.settle().await?;
        }
        Err("delayed messages lead to others without an end".into())
    }

    fn processes(&self) -> impl Iterator<Item = &LambdaFunction> {
        let names = self.cloud.function_names();
        names.filter_map(|name| self.cloud.processes(name))
    }
}

/// Counts invocations, and what API Gateway, SQS and its pollers do for them. `names` has the functions' binaries by
/// their logical ids.
async fn listen(
    mut events: Receiver<Event>,
    names: BTreeMap<String, String>,
    ledger: Ledger,
    missed: Arc<AtomicBool>,
) {
    let invoked = |function: &str| ledger.add(Quantity::Invocations, function, 1.0);
    let binary = |id: &str| names.get(id).map_or_else(|| id.to_owned(), Clone::clone);
    loop {
        match events.recv().await {
            Ok(Event::Request {
                method,
                route,
                function,
                ..
            }) => {
                let request = format!("{method} {route}");
                ledger.add(Quantity::HttpRequests, &request, 1.0);
                let bytes = access_line(&request).len() + LOG_OVERHEAD_BYTES;
                ledger.add(Quantity::LogBytes, "access log", bytes as f64);
                invoked(&function);
            }
            Ok(Event::Batch {
                queue, function, ..
            }) => {
                // Lambda receives the batch, and deletes it.
                ledger.add(Quantity::SqsRequests, &queue, 2.0);
                invoked(&binary(&function));
            }
            Ok(Event::StreamBatch { function, .. }) => invoked(&binary(&function)),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => missed.store(true, Ordering::Relaxed),
            Err(RecvError::Closed) => return,
        }
    }
}

/// A line of API Gateway's access log, in the format of the template.
fn access_line(route: &str) -> String {
    let formats = TEMPLATE.lines().map(str::trim);
    let mut formats = formats.filter_map(|line| line.strip_prefix("Format: '"));
    let format = formats.next().unwrap_or_default();
    let format = format.trim_end_matches('\'');
    let line = format.replace("$context.routeKey", route);
    ACCESS_LOG_VALUES
        .iter()
        .fold(line, |line, (name, value)| line.replace(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_access_log_has_every_value() {
        let line = access_line("GET /openapi.json");
        assert!(line.contains("\"GET /openapi.json\""), "{line}");
        assert!(!line.contains('$'), "{line}");
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
    }
}
