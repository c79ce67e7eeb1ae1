//! What is read from elsewhere and kept in the process for a while: the API keys of the table, the public keys of an
//! authorization server. Both are few, so they are read as a whole and looked up in memory: a wrong credential costs
//! no read of its own.

use std::fmt::Display;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;

/// Where it comes from.
pub(crate) trait Source: Send + Sync {
    /// All of it.
    type All: Send + Sync;
    /// Why it cannot be read.
    type FieldError: Display + Send;
    /// What it is, for the log.
    const NAME: &'static str;

    /// Reads all of it, as it is now.
    fn read(&self) -> impl Future<Output = Result<Self::All, Self::FieldError>> + Send;
}

/// Tells the time in Unix milliseconds.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// When it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// How long it is kept.
    pub(crate) kept_ms: i64,
    /// How long it must be kept when what is looked for is not in it: the pause between two reads for that reason.
    pub(crate) pause_ms: i64,
    /// The pause after a read that failed.
    pub(crate) pause_after_failure_ms: i64,
    /// How long past its time it is used while it cannot be read.
    pub(crate) stale_ms: i64,
    /// How long a read may take. The functions' time-outs (`template.yaml`) allow for it.
    pub(crate) timeout: Duration,
}

/// What looking for something came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lookup<T> {
    /// It is there.
    Found(T),
    /// It is not.
    Absent,
    /// That cannot be said: it could not be read.
    Unavailable,
}

/// What was read from `S`.
pub(crate) struct Cache<S: Source> {
    source: S,
    clock: Clock,
    times: Times,
    seen: RwLock<Seen<S::All>>,
    /// Held during a read, so that there is one for all who wait.
    reading: Mutex<()>,
}

/// What the last reads brought.
struct Seen<A> {
    /// What was read last, and when.
    read: Option<(Arc<A>, i64)>,
    /// When reading was last tried, and whether that failed.
    tried_at_ms: Option<i64>,
    has_failed: bool,
    /// How often that was.
    attempts: u64,
}

impl<S: Source> Cache<S> {
    pub(crate) fn new(source: S, clock: Clock, times: Times) -> Self {
        Self {
            source,
            clock,
            times,
            seen: RwLock::new(Seen {
                read: None,
                tried_at_ms: None,
                has_failed: false,
                attempts: 0,
            }),
            reading: Mutex::new(()),
        }
    }

    /// What `pick` finds. It is read anew only if what is kept is too old, or has not what is looked for and is not
    /// brand-new.
    pub(crate) async fn find<T>(&self, pick: impl Fn(&S::All) -> Option<T>) -> Lookup<T> {
        let now_ms = (self.clock)();
        let seen = self.seen();
        if let Some(kept) = seen.younger_than(self.times.kept_ms, now_ms) {
            if let Some(found) = pick(kept) {
                return Lookup::Found(found);
            }
            if !seen.may_try(&self.times, now_ms) {
                return seen.absent();
            }
        }
        let seen = self.read_after(seen.attempts).await;
        let usable_ms = self.times.kept_ms.saturating_add(self.times.stale_ms);
        match seen.younger_than(usable_ms, (self.clock)()).map(pick) {
            None => Lookup::Unavailable,
            Some(Some(found)) => Lookup::Found(found),
            Some(None) => seen.absent(),
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
    async fn read_after(&self, attempts: u64) -> Seen<S::All> {
        let _alone = self.reading.lock().await;
        let before = self.seen();
        // It is as old as the question, not as the answer.
        let asked_at_ms = (self.clock)();
        let has_just_failed = before.has_failed && !before.may_try(&self.times, asked_at_ms);
        if before.attempts != attempts || has_just_failed {
            return before;
        }
        let read = tokio::time::timeout(self.times.timeout, self.source.read()).await;
        let fault = match read {
            Ok(Ok(all)) => {
                return self.keep(Seen {
                    read: Some((Arc::new(all), asked_at_ms)),
                    tried_at_ms: Some((self.clock)()),
                    has_failed: false,
                    attempts: attempts + 1,
                });
            }
            Ok(Err(fault)) => fault.to_string(),
            Err(_elapsed) => "there was no answer in time".to_owned(),
        };
        let age_ms = before.read.as_ref().map(|(_, at)| asked_at_ms - at);
        tracing::error!(
            source = S::NAME,
            fault,
            age_ms,
            "what credentials are checked with could not be read"
        );
        self.keep(Seen {
            tried_at_ms: Some((self.clock)()),
            has_failed: true,
            attempts: attempts + 1,
            ..before
        })
    }

    fn keep(&self, seen: Seen<S::All>) -> Seen<S::All> {
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = seen.clone();
        seen
    }

    fn seen(&self) -> Seen<S::All> {
        self.seen
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl<A> Seen<A> {
    /// What was read, if that is not longer ago. A clock that went back makes everything old.
    fn younger_than(&self, age_ms: i64, now_ms: i64) -> Option<&A> {
        let (all, at_ms) = self.read.as_ref()?;
        (0..age_ms).contains(&(now_ms - at_ms)).then_some(&**all)
    }

    fn may_try(&self, times: &Times, now_ms: i64) -> bool {
        let pause_ms = if self.has_failed {
            times.pause_after_failure_ms
        } else {
            times.pause_ms
        };
        self.tried_at_ms
            .is_none_or(|at| !(0..pause_ms).contains(&(now_ms - at)))
    }

    fn absent<T>(&self) -> Lookup<T> {
        if self.has_failed {
            Lookup::Unavailable
        } else {
            Lookup::Absent
        }
    }
}

/// Shares what was read.
impl<A> Clone for Seen<A> {
    fn clone(&self) -> Self {
        Self {
            read: self.read.clone(),
            ..*self
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
