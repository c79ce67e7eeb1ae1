//! A cache of what is read as a whole: the API keys of the table, the public keys of an authorization server. Both
//! are few, so a wrong credential is looked up in memory and costs no read of its own.

use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bestow_clock::{Clock, OperatingSystem};
use jiff::Timestamp;
use tokio::sync::Mutex;

/// Where it is read from.
pub(crate) trait Source: Send + Sync {
    /// All of it.
    type All: Send + Sync;
    /// Why it cannot be read.
    type FieldError: Display + Send;
    /// What it is, for the log.
    const NAME: &'static str;

    /// Reads all of it.
    fn read(&self) -> impl Future<Output = Result<Self::All, Self::FieldError>> + Send;
}

/// When it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// How long it is fresh.
    pub(crate) kept_for: Duration,
    /// The pause between two reads for something that is not in it.
    pub(crate) pause: Duration,
    /// The pause after a read that failed.
    pub(crate) pause_after_failure: Duration,
    /// How much longer it is used while it cannot be read.
    pub(crate) stale_for: Duration,
    /// How long a read may take. The functions' time-outs (`template.yaml`) allow for it.
    pub(crate) timeout: Duration,
}

/// It could not be read, so nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// What was read from `S`.
pub(crate) struct Cache<S: Source, C = OperatingSystem> {
    source: S,
    clock: C,
    times: Times,
    seen: RwLock<Arc<Seen<S::All>>>,
    /// Held during a read, so that all who wait share it.
    reading: Mutex<()>,
}

/// What the last reads brought.
struct Seen<A> {
    /// What was read last, and when that was asked for.
    read: Option<(Arc<A>, Timestamp)>,
    /// When the last attempt to read ended.
    tried_at: Option<Timestamp>,
    has_failed: bool,
    attempts: u64,
}

impl<S: Source, C: Clock> Cache<S, C> {
    pub(crate) fn new(source: S, clock: C, times: Times) -> Self {
        let nothing = Seen {
            read: None,
            tried_at: None,
            has_failed: false,
            attempts: 0,
        };
        Self {
            source,
            clock,
            times,
            seen: RwLock::new(Arc::new(nothing)),
            reading: Mutex::new(()),
        }
    }

    /// What `pick` finds. Reads anew if the cache is too old, or lacks it and was not read just now.
    pub(crate) async fn find<T>(
        &self,
        pick: impl Fn(&S::All) -> Option<T>,
    ) -> Result<Option<T>, Unavailable> {
        let now = self.clock.now();
        let seen = self.seen();
        if let Some(kept) = seen.younger_than(self.times.kept_for, now) {
            if let Some(found) = pick(kept) {
                return Ok(Some(found));
            }
            if !seen.may_try(&self.times, now) {
                return seen.absent();
            }
        }
        let seen = self.read_after(seen.attempts).await;
        let usable_for = self.times.kept_for + self.times.stale_for;
        let kept = seen.younger_than(usable_for, self.clock.now());
        match pick(kept.ok_or(Unavailable)?) {
            None => seen.absent(),
            found => Ok(found),
        }
    }

    /// Reads it if that was not done yet.
    pub(crate) async fn warm(&self) {
        let seen = self.seen();
        if seen.read.is_none() {
            self.read_after(seen.attempts).await;
        }
    }

    /// Reads it, unless another request has done so since there were `attempts`, or that has just failed.
    async fn read_after(&self, attempts: u64) -> Arc<Seen<S::All>> {
        let _alone = self.reading.lock().await;
        let before = self.seen();
        // It is as old as the question, not as the answer.
        let asked_at = self.clock.now();
        let has_just_failed = before.has_failed && !before.may_try(&self.times, asked_at);
        if before.attempts != attempts || has_just_failed {
            return before;
        }
        let read = tokio::time::timeout(self.times.timeout, self.source.read()).await;
        let fault = match read {
            Ok(Ok(all)) => return self.keep(Some((Arc::new(all), asked_at)), false, attempts + 1),
            Ok(Err(fault)) => fault.to_string(),
            Err(_elapsed) => "there was no answer in time".to_owned(),
        };
        let read_at = before.read.as_ref().map(|(_, at)| *at);
        tracing::error!(
            source = S::NAME,
            fault,
            age_ms = read_at.map(|at| asked_at.as_millisecond() - at.as_millisecond()),
            "what credentials are checked with could not be read"
        );
        self.keep(before.read.clone(), true, attempts + 1)
    }

    fn keep(
        &self,
        read: Option<(Arc<S::All>, Timestamp)>,
        has_failed: bool,
        attempts: u64,
    ) -> Arc<Seen<S::All>> {
        let seen = Arc::new(Seen {
            read,
            tried_at: Some(self.clock.now()),
            has_failed,
            attempts,
        });
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&seen);
        seen
    }

    fn seen(&self) -> Arc<Seen<S::All>> {
        Arc::clone(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<A> Seen<A> {
    fn younger_than(&self, age: Duration, now: Timestamp) -> Option<&A> {
        let (all, at) = self.read.as_ref()?;
        is_within(age, *at, now).then_some(&**all)
    }

    fn may_try(&self, times: &Times, now: Timestamp) -> bool {
        let pause = if self.has_failed {
            times.pause_after_failure
        } else {
            times.pause
        };
        self.tried_at.is_none_or(|at| !is_within(pause, at, now))
    }

    fn absent<T>(&self) -> Result<Option<T>, Unavailable> {
        if self.has_failed {
            Err(Unavailable)
        } else {
            Ok(None)
        }
    }
}

/// Whether `at` is less than `span` ago. A clock that went back makes everything old.
fn is_within(span: Duration, at: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now - at).is_ok_and(|age| age < span)
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
