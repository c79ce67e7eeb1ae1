//! Erase claims: each minute, takes the claims out of the wallet's table whose time is over.
//!
//! Nothing depends on a run: what one leaves, because a call failed or its time was up, the next finds. Two
//! at the same time do no harm, since each erasure is one conditional write.

mod run;

use std::time::{SystemTime, UNIX_EPOCH};

use aws::sdk::Sdk;
use aws::wallet_table::WalletTable;
use runtime::metrics::{self, Counter, Measure};
use runtime::{ConfigError, Env};
use serde::Serialize;

use crate::run::Run;

/// The handler of the schedule.
pub struct EraseClaims {
    table: WalletTable,
}

/// What a run has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Offers whose claims were erased.
    pub erased: u64,
    /// How long after its time the latest of them came, in seconds. A minute is usual, because that is how
    /// often there is a run.
    pub latest_seconds: i64,
    /// Offers that were due by the index and are not by the table: somebody else was faster.
    pub overtaken: u64,
    /// Whether time was up before everything was erased. The next run goes on.
    pub unfinished: bool,
}

/// Some of what was due is not erased, because calls failed. Each has been logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{failed} calls failed while claims were erased ({} were); the next run tries again, and see the log for the reasons",
    .done.erased
)]
pub struct EraseFailed {
    /// Calls to the table that failed.
    pub failed: u64,
    /// What was done all the same.
    pub done: Erased,
}

impl EraseClaims {
    /// Reads `WALLET_TABLE`. A fault names its variable.
    pub async fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let table = env.required("WALLET_TABLE", "the name of the wallet's table")?;
        Ok(Self {
            table: WalletTable::new(Sdk::from_env(env)?.dynamodb(), table),
        })
    }

    /// Erases what is due now, as far as it gets before `deadline`, at which the invocation is cut off. What
    /// the schedule sends along does not matter.
    ///
    /// # Errors
    /// [`EraseFailed`] if a call failed. The others were made all the same.
    pub async fn handle(&self, deadline: SystemTime) -> Result<Erased, EraseFailed> {
        let now = SystemTime::now();
        let time_left = deadline.duration_since(now).unwrap_or_default();
        let run = Run::new(&self.table, unix_seconds(now), time_left);
        let (done, failed) = run.finish().await;
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
            return Err(EraseFailed { failed, done });
        }
        Ok(done)
    }
}

fn count(done: Erased) {
    if done.erased > 0 {
        metrics::count(Counter::ClaimsErased, done.erased);
        metrics::measure(Measure::ErasureLateness, done.latest_seconds as f64);
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}
