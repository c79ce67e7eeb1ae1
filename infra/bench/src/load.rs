//! Whole issuances against the functions as Lambda processes.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use local::{AwsEndpoints, FunctionHost, LocalCloud, Options, RunningCloud};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Failure;
use crate::counting_proxy::{self, Calls};
use crate::flow::{Flow, Parties, STEPS};
use crate::report::{self, Statistics};

/// Issuances for which AWS calls are counted. They go through a proxy, so they are not timed.
const COUNTED: usize = 50;
/// A backend that asks when the customer is back: later than the time in which a query does not bring
/// the next poll forward, so that two questions suffice.
const CUSTOMER_IS_BACK: Duration = Duration::from_millis(1_100);
/// A backend that waits for the scheduled poll (10 to 12 seconds after the start), and asks once.
const AFTER_THE_POLL: Duration = Duration::from_secs(13);
/// Issuances before anything is measured.
const WARM_UP: usize = 50;
/// Cold starts of each function.
const COLD_STARTS: usize = 10;

#[derive(Args)]
pub(crate) struct Load {
    /// Issuances to time.
    #[arg(long, default_value_t = 500)]
    issuances: usize,
    /// Issuances at the same time.
    #[arg(long, default_value_t = 200)]
    concurrency: usize,
    /// Processes of each function at most.
    #[arg(long, default_value_t = 2)]
    processes: usize,
    /// Where the functions' binaries are; by default beside this command.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

impl Load {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let binaries = functions(self.binaries.as_deref())?;
        let calls = self.count_calls(&binaries).await?;
        let cold_starts = cold_starts(&binaries).await?;
        let (flows, elapsed, cpu) = self.time(&binaries).await?;

        let steps = STEPS.iter().enumerate().map(|(index, step)| {
            let times = flows
                .iter()
                .filter_map(|flow| flow.steps.get(index).copied());
            (*step, Statistics::of(times))
        });
        report::print_steps(
            steps,
            Statistics::of(flows.iter().map(|flow| flow.detection)),
        );
        report::print_totals(&report::Totals {
            issuances: flows.len(),
            elapsed,
            requests: flows.iter().map(|flow| u64::from(flow.requests)).sum(),
            cpu: &cpu,
            calls: &calls,
            counted: COUNTED,
        });
        report::print_cold_starts(&cold_starts);
        Ok(())
    }

    async fn time(
        &self,
        binaries: &Path,
    ) -> Result<(Vec<Flow>, Duration, BTreeMap<String, Duration>), Failure> {
        let cloud = start(binaries, self.processes, None).await?;
        // Until every process is there and warm.
        issue(
            &cloud,
            WARM_UP,
            self.concurrency,
            CUSTOMER_IS_BACK,
            "warming up",
        )
        .await?;
        let before = cpu_times(&cloud);
        let began = Instant::now();
        let flows = issue(
            &cloud,
            self.issuances,
            self.concurrency,
            CUSTOMER_IS_BACK,
            "issuing",
        )
        .await?;
        let elapsed = began.elapsed();
        let cpu = cpu_times(&cloud)
            .into_iter()
            .map(|(name, after)| {
                let before = before.get(&name).copied().unwrap_or_default();
                (name, after.saturating_sub(before))
            })
            .collect();
        cloud.shutdown().await;
        Ok((flows, elapsed, cpu))
    }

    async fn count_calls(&self, binaries: &Path) -> Result<BTreeMap<String, u64>, Failure> {
        let (dynamodb_port, sqs_port, eventbridge_port) =
            (free_port()?, free_port()?, free_port()?);
        let calls = Calls::default();
        let endpoint = |port: u16| format!("http://127.0.0.1:{port}");
        let proxied = AwsEndpoints {
            dynamodb: counting_proxy::serve(endpoint(dynamodb_port), calls.clone()).await?,
            sqs: counting_proxy::serve(endpoint(sqs_port), calls.clone()).await?,
            eventbridge: counting_proxy::serve(endpoint(eventbridge_port), calls.clone()).await?,
        };
        let options = Options {
            dynamodb_port,
            sqs_port,
            eventbridge_port,
            ..Options::default()
        };
        let cloud = start_with(options, binaries, self.processes, Some(proxied)).await?;
        issue(&cloud, WARM_UP, WARM_UP, AFTER_THE_POLL, "warming up").await?;
        let before = calls.counted();
        issue(&cloud, COUNTED, COUNTED, AFTER_THE_POLL, "counting calls").await?;
        let after = calls.counted();
        cloud.shutdown().await;
        Ok(after
            .into_iter()
            .map(|(operation, count)| {
                let before = before.get(&operation).copied().unwrap_or_default();
                (operation, count - before)
            })
            .filter(|(_, count)| *count > 0)
            .collect())
    }
}

/// The directory with the functions' binaries: the chosen one, or this command's own.
pub(crate) fn functions(chosen: Option<&Path>) -> Result<PathBuf, Failure> {
    let binaries = match chosen {
        Some(binaries) => binaries.to_owned(),
        None => std::env::current_exe()?
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default(),
    };
    let start_issue = binaries.join("start-issue");
    if start_issue.exists() {
        Ok(binaries)
    } else {
        Err(format!(
            "{} is not there; build the functions first: cargo build --release --workspace",
            start_issue.display()
        )
        .into())
    }
}

/// A cold start of one function.
pub(crate) struct ColdStart {
    pub(crate) function: String,
    /// From the start of the process to its first answer.
    pub(crate) wall: Statistics,
    /// CPU time of the process until then.
    pub(crate) cpu: Statistics,
}

async fn cold_starts(binaries: &Path) -> Result<Vec<ColdStart>, Failure> {
    let mut samples: BTreeMap<String, (Vec<Duration>, Vec<Duration>)> = BTreeMap::new();
    let progress = progress(COLD_STARTS, "cold starts");
    for _ in 0..COLD_STARTS {
        let cloud = start(binaries, 1, None).await?;
        let parties = Parties::new(cloud.base_url(), cloud.api_key())?;
        // One issuance starts each function but one, whose answer to a stranger is as good.
        parties.issue(CUSTOMER_IS_BACK).await?;
        parties.ask_credential_status().await?;
        for name in cloud.function_names() {
            let reports = cloud.processes(name).map(|processes| processes.processes());
            let Some(first) = reports.and_then(|reports| reports.into_iter().next()) else {
                continue;
            };
            if let (Some(wall), Some(cpu)) = (first.first_answer, first.first_answer_cpu) {
                let (walls, cpus) = samples.entry(name.to_owned()).or_default();
                walls.push(wall);
                cpus.push(cpu);
            }
        }
        cloud.shutdown().await;
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(samples
        .into_iter()
        .map(|(function, (walls, cpus))| ColdStart {
            function,
            wall: Statistics::of(walls),
            cpu: Statistics::of(cpus),
        })
        .collect())
}

async fn start(
    binaries: &Path,
    processes: usize,
    aws: Option<AwsEndpoints>,
) -> Result<RunningCloud, Failure> {
    start_with(Options::default(), binaries, processes, aws).await
}

pub(crate) async fn start_with(
    options: Options,
    binaries: &Path,
    max_processes: usize,
    aws: Option<AwsEndpoints>,
) -> Result<RunningCloud, Failure> {
    let functions = FunctionHost::Processes {
        binaries: binaries.to_owned(),
        max_processes,
        aws,
    };
    Ok(LocalCloud::start(Options {
        functions,
        ..options
    })
    .await?)
}

async fn issue(
    cloud: &RunningCloud,
    issuances: usize,
    concurrency: usize,
    patience: Duration,
    what: &'static str,
) -> Result<Vec<Flow>, Failure> {
    let progress = progress(issuances, what);
    let parties = Arc::new(Parties::new(cloud.base_url(), cloud.api_key())?);
    let at_once = Arc::new(Semaphore::new(concurrency));
    let mut running = JoinSet::new();
    for _ in 0..issuances {
        let (parties, at_once) = (Arc::clone(&parties), Arc::clone(&at_once));
        running.spawn(async move {
            let _permit = at_once.acquire_owned().await?;
            parties.issue(patience).await
        });
    }
    let mut flows = Vec::with_capacity(issuances);
    while let Some(flow) = running.join_next().await {
        flows.push(flow??);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(flows)
}

/// CPU time of all processes of each function so far.
fn cpu_times(cloud: &RunningCloud) -> BTreeMap<String, Duration> {
    cloud
        .function_names()
        .filter_map(|name| {
            let processes = cloud.processes(name)?.processes();
            Some((
                name.to_owned(),
                processes.iter().filter_map(|process| process.cpu).sum(),
            ))
        })
        .collect()
}

fn free_port() -> Result<u16, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(crate) fn progress(length: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{msg:16} {bar:40} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar
}
