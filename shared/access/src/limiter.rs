//! Rate limits that hold across processes, without a write for each request.
//!
//! Time is cut into windows that are the same everywhere. A process leases a part of a window's allowance by one
//! conditional write and spends it in memory. Parts get smaller with what is left of the window, because what a process
//! leases and does not spend is lost to the others until the next window.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bestow_aws::CallError;
use jiff::Timestamp;

use crate::rate_limit::RateLimit;

/// How long leasing may take. The functions' time-outs (`template.yaml`) allow for it.
const LEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// The first and largest part is the allowance divided by this.
const LARGEST_PART: u32 = 20;
/// Later parts are what is left of the allowance divided by this.
const PART_OF_THE_REST: u32 = 10;
/// How often a part is asked for in a smaller size, when less than it is left.
const ATTEMPTS: usize = 3;
/// From so many callers on, those are forgotten whose windows are over.
const MANY_CALLERS: usize = 1_000;

/// Where windows are stored.
pub(crate) trait Windows: Send + Sync {
    /// Takes `part` of a caller's window, if it has as much left.
    fn lease(
        &self,
        caller: &str,
        window: &Window,
        part: u32,
    ) -> impl Future<Output = Result<Lease, CallError>> + Send;
}

/// A window of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) begins_at: Timestamp,
    pub(crate) ends_at: Timestamp,
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
    /// Nobody can tell: the table cannot be written.
    Unknown,
}

/// What this process has leased, by caller.
pub(crate) struct Limiter<W> {
    windows: W,
    leased: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Leased>>>>,
}

#[derive(Debug, Default)]
struct Leased {
    window: Window,
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
        now: Timestamp,
    ) -> Result<(), Over> {
        let window = limit.window(now);
        let leased = self.leased(caller, now);
        // Held while a part is leased, so that requests that come meanwhile do not lease one each.
        let mut leased = leased.lock().await;
        if leased.window != window {
            *leased = Leased {
                window,
                left: 0,
                next_part: largest_part(&window),
                is_used_up: false,
            };
        }
        if leased.left == 0 && !leased.is_used_up {
            let leasing = self.lease(caller, &mut leased);
            let fault = match tokio::time::timeout(LEASE_TIMEOUT, leasing).await {
                Ok(leased) => leased.err().map(|fault| fault.to_string()),
                Err(_elapsed) => Some("there was no answer in time".to_owned()),
            };
            if let Some(fault) = fault {
                tracing::error!(caller, fault, "a rate limit could not be counted");
                return Err(Over::Unknown);
            }
        }
        match leased.left.checked_sub(1) {
            Some(left) => {
                leased.left = left;
                Ok(())
            }
            None => {
                let wait_ms = window.ends_at.as_millisecond() - now.as_millisecond();
                let seconds = wait_ms.max(1).unsigned_abs().div_ceil(1_000);
                Err(Over::Limit {
                    retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX),
                })
            }
        }
    }

    /// Leases the next part, or what is left of it.
    async fn lease(&self, caller: &str, leased: &mut Leased) -> Result<(), CallError> {
        let window = leased.window;
        for _ in 0..ATTEMPTS {
            let part = leased.next_part;
            let lease = self.windows.lease(caller, &window, part).await?;
            let rest = window.allowance.saturating_sub(lease.taken);
            leased.next_part = (rest / PART_OF_THE_REST).clamp(1, largest_part(&window));
            if lease.is_given {
                leased.left = part;
                break;
            }
            if rest == 0 {
                leased.is_used_up = true;
                break;
            }
        }
        Ok(())
    }

    fn leased(&self, caller: &str, now: Timestamp) -> Arc<tokio::sync::Mutex<Leased>> {
        let mut all = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY_CALLERS {
            // One that is locked is in use.
            all.retain(|_, leased| match leased.try_lock() {
                Ok(leased) => now < leased.window.ends_at,
                Err(_) => true,
            });
        }
        Arc::clone(all.entry(caller.to_owned()).or_default())
    }
}

fn largest_part(window: &Window) -> u32 {
    (window.allowance / LARGEST_PART).max(1)
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
