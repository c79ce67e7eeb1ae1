//! What this function is configured with.

use bestow_aws::sdk::Sdk;
use bestow_backend::{JobTable, StartQueue};
use bestow_clock::OperatingSystem;
use bestow_jobs::{JobKeys, LineOutcome, StartQueued};
use bestow_runtime::metrics::{self, Counter};
use bestow_runtime::{ConfigError, Env};
use bestow_wallets::StartIssuing;

/// The most lines that one process may start at a time.
const MOST_AT_ONCE: usize = 50;

/// The use cases with what they work with.
pub(crate) type UseCases = StartQueued<JobTable, StartQueue, StartIssuing, OperatingSystem>;

/// The use cases, with `JOB_TABLE`, `START_QUEUE_URL`, `JOB_SECRET`, `QUEUED_STARTS_AT_ONCE` and the
/// variables of [`bestow_wallets::start_issuing`]. A fault names its variable.
pub(crate) fn use_cases(env: &Env) -> Result<UseCases, ConfigError> {
    let table = env.required("JOB_TABLE", "the name of the table of jobs")?;
    let queue = env.required("START_QUEUE_URL", "the URL of the start queue")?;
    let secret = env.master_secret("JOB_SECRET")?;
    let at_once = env.required("QUEUED_STARTS_AT_ONCE", "a number from 1 to 50")?;
    let at_once = at_once
        .parse()
        .ok()
        .filter(|number| (1..=MOST_AT_ONCE).contains(number))
        .ok_or_else(|| {
            ConfigError::invalid("QUEUED_STARTS_AT_ONCE", "it must be a number from 1 to 50")
        })?;
    let sdk = Sdk::from_env(env)?;
    Ok(StartQueued {
        jobs: JobTable::new(sdk.dynamodb(), table),
        queue: StartQueue::new(sdk.sqs(), queue),
        issuing: bestow_wallets::start_issuing(env, &sdk)?,
        system: OperatingSystem,
        keys: JobKeys::derive(&secret)
            .map_err(|fault| ConfigError::invalid("JOB_SECRET", fault))?,
        at_once,
        recorded: count,
    })
}

/// Counts what was recorded of a line.
fn count(outcome: &LineOutcome) {
    let counter = match outcome {
        LineOutcome::Started { .. } => Counter::BatchLinesDone,
        LineOutcome::Failed(_) => Counter::BatchLinesFailed,
    };
    metrics::count(counter, 1);
}
