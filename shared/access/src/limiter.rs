//! Rate limits that hold across processes, without a write for each request.
//!
//! Time is cut into windows that are the same everywhere. A process leases a part of a window's allowance with one
//! conditional write, and spends it in memory. The less is left of the window, the smaller the parts: what a process
//! leased and does not spend is lost to the others until the next window.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bestow_aws::CallError;

use crate::rate_limit::RateLimit;

/// How long leasing may take. The functions' time-outs (`template.yaml`) allow for it.
const LEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// The first part of a window's allowance is one in so many, and the largest.
const LARGEST_PART: u32 = 20;
/// Later parts are one in so many of what is left.
const PART_OF_THE_REST: u32 = 10;
/// How often a part is asked for in a smaller size, when others have left less than that.
const ATTEMPTS: usize = 3;
/// From so many callers on, those are forgotten whose windows are over.
const MANY_CALLERS: usize = 1_000;

/// Where windows are kept.
pub(crate) trait Windows: Send + Sync {
    /// Takes `part` of a window, if it has as much left.
    fn lease(
        &self,
        window: &Window<'_>,
        part: u32,
    ) -> impl Future<Output = Result<Lease, CallError>> + Send;
}

/// A caller's window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// Whose, as in logs.
    pub(crate) caller: &'a str,
    /// When it begins and ends, in Unix milliseconds.
    pub(crate) begins_ms: i64,
    pub(crate) ends_ms: i64,
    /// How many requests it has room for.
    pub(crate) allowance: u32,
}

/// What came of asking for a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Whether the part was given.
    pub(crate) is_given: bool,
    /// How many requests of the window were taken by all processes together.
    pub(crate) taken: u32,
}

/// Why a request is not let through.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The window is used up.
    Limit { retry_after_seconds: u32 },
    /// That cannot be said: the table cannot be written.
    Unknown,
}

/// What this process has leased.
pub(crate) struct Limiter<W> {
    windows: W,
    leased: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Leased>>>>,
}

#[derive(Debug, Default)]
struct Leased {
    begins_ms: i64,
    ends_ms: i64,
    left: u32,
    next_part: u32,
    is_used_up: bool,
}

impl<W: Windows> Limiter<W> {
    pub(crate) fn new(windows: W) -> Self {
        Self {
            windows,
            leased: Mutex::default(),
        }
    }

    /// Counts one request of `caller`.
    pub(crate) async fn spend(
        &self,
        caller: &str,
        limit: RateLimit,
        now_ms: i64,
    ) -> Result<(), Over> {
        let begins_ms = now_ms.div_euclid(limit.window_ms()) * limit.window_ms();
        let window = Window {
            caller,
            begins_ms,
            ends_ms: begins_ms + limit.window_ms(),
            allowance: limit.allowance(),
        };
        let leased = self.leased(caller, now_ms);
        // Held while a part is leased, so that requests that come meanwhile do not lease one each.
        let mut leased = leased.lock().await;
        if (leased.begins_ms, leased.ends_ms) != (window.begins_ms, window.ends_ms) {
            *leased = Leased {
                begins_ms: window.begins_ms,
                ends_ms: window.ends_ms,
                left: 0,
                next_part: (window.allowance / LARGEST_PART).max(1),
                is_used_up: false,
            };
        }
        if leased.left == 0 && !leased.is_used_up {
            let leasing = self.lease(&window, &mut leased);
            match tokio::time::timeout(LEASE_TIMEOUT, leasing).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => {
                    tracing::error!(caller, %fault, "a rate limit could not be counted");
                    return Err(Over::Unknown);
                }
                Err(_elapsed) => {
                    tracing::error!(caller, "a rate limit could not be counted in time");
                    return Err(Over::Unknown);
                }
            }
        }
        match leased.left.checked_sub(1) {
            Some(left) => {
                leased.left = left;
                Ok(())
            }
            None => {
                let wait_ms = (window.ends_ms - now_ms).max(1);
                let seconds = wait_ms.unsigned_abs().div_ceil(1_000);
                Err(Over::Limit {
                    retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
                })
            }
        }
    }

    /// Leases the next part, or what is left of it.
    async fn lease(&self, window: &Window<'_>, leased: &mut Leased) -> Result<(), CallError> {
        for _ in 0..ATTEMPTS {
            let part = leased.next_part;
            let lease = self.windows.lease(window, part).await?;
            let rest = window.allowance.saturating_sub(lease.taken);
            leased.next_part =
                (rest / PART_OF_THE_REST).clamp(1, (window.allowance / LARGEST_PART).max(1));
            if lease.is_given {
                leased.left = part;
                return Ok(());
            }
            if rest == 0 {
                leased.is_used_up = true;
                return Ok(());
            }
        }
        Ok(())
    }

    fn leased(&self, caller: &str, now_ms: i64) -> Arc<tokio::sync::Mutex<Leased>> {
        let mut all = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY_CALLERS {
            // One that is locked is in use.
            all.retain(|_, leased| {
                leased
                    .try_lock()
                    .is_ok_and(|leased| now_ms < leased.ends_ms)
            });
        }
        Arc::clone(all.entry(caller.to_owned()).or_default())
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
