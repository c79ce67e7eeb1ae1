//! Erase claims: each minute, removes the claims that are due: those of offers of the bundled wallet, and those of
//! uploaded lines that were not started in time.
//!
//! What a run leaves, because a call failed or its time was up, the next one finds. Two at the same time do no harm:
//! each erasure is one conditional write.

mod run;
mod tables;

use std::time::SystemTime;

use bestow_aws::sdk::Sdk;
use bestow_backend::JobTable;
use bestow_bundled_wallet::{WalletTable, config};
use bestow_runtime::lambda::EventFunction;
use bestow_runtime::metrics::{self, Counter, Measure};
use bestow_runtime::{ConfigError, Env};
use futures::future::join;
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::run::Run;

/// The handler of the schedule.
pub struct PurgeExpiredClaims {
    jobs: JobTable,
    /// Not there with an external wallet.
    wallet: Option<WalletTable>,
}

/// What a run has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Offers and lines of jobs whose claims were erased.
    pub erased: u64,
    /// How long after its time the latest of them came, in seconds. A minute is usual, because that is how
    /// often there is a run.
    pub latest_seconds: i64,
    /// Offers and chunks of jobs that were due by the index and are not by the table: somebody else was faster.
    pub overtaken: u64,
    /// Whether time was up before everything was erased. The next run goes on.
    pub unfinished: bool,
}

/// Some of what was due is not erased, because calls failed, or because an entry of an index could not be read.
/// Each has been logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{failed} failures while claims were erased ({} were); the next run tries again, and see the log for the reasons",
    .done.erased
)]
pub struct PurgeError {
    /// Calls that failed, and entries that could not be read.
    pub failed: u64,
    /// What was done all the same.
    pub done: Purged,
}

impl EventFunction for PurgeExpiredClaims {
    /// What the schedule sends along does not matter.
    type Event = IgnoredAny;
    type Answer = Purged;

    /// Reads `JOB_TABLE` and, with the bundled wallet, `WALLET_TABLE`. A fault names its variable.
    async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let jobs = env.required("JOB_TABLE", "the name of the table of jobs")?;
        let wallet = env.optional("WALLET_TABLE");
        let dynamodb = Sdk::from_env(env)?.dynamodb();
        Ok(Self {
            wallet: wallet.map(|wallet| WalletTable::new(dynamodb.clone(), wallet)),
            jobs: JobTable::new(dynamodb, jobs),
        })
    }

    /// Erases what is due now, as far as it gets before `deadline`.
    ///
    /// # Errors
    /// [`PurgeError`] if something failed. The others were made all the same.
    async fn handle(
        &self,
        _event: IgnoredAny,
        deadline: SystemTime,
    ) -> Result<Purged, bestow_runtime::lambda::Error> {
        let time_left = deadline.duration_since(SystemTime::now());
        let run = Run::new(config::now(), time_left.unwrap_or_default());
        let offers = async {
            if let Some(wallet) = &self.wallet {
                run.table(wallet).await;
            }
        };
        join(offers, run.table(&self.jobs)).await;
        let (done, failed) = run.finish();
        metrics::go_with_lines(true);
        count(done);
        if done.unfinished {
            tracing::warn!(
                erased = done.erased,
                latest_seconds = done.latest_seconds,
                "time was up before all claims were erased that are due: the next run goes on"
            );
        } else if done.erased > 0 {
            tracing::info!(
                erased = done.erased,
                latest_seconds = done.latest_seconds,
                "claims erased"
            );
        }
        if failed > 0 {
            return Err(PurgeError { failed, done }.into());
        }
        Ok(done)
    }
}

fn count(done: Purged) {
    if done.erased > 0 {
        metrics::count(Counter::ClaimsErased, done.erased);
        metrics::measure(Measure::ErasureLateness, done.latest_seconds as f64);
    }
}
