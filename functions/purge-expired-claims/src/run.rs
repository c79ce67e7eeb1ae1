//! One run: every shard at once, each from its oldest claims on, until nothing is due or time is nearly up.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bestow_aws::CallError;
use bestow_aws::erasure::{Due, ERASE_SHARDS};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::Purged;
use crate::tables::ClaimsTable;

/// How many writes of one shard are under way at a time.
const CONCURRENCY: usize = 8;

/// No call is begun when less time is left than one may take: an AWS call 6.5 s, and a write that meets
/// transactions waits 5.6 s more.
const LONGEST_CALL: Duration = Duration::from_secs(13);

pub(crate) struct Run {
    now: Timestamp,
    stop_at: Instant,
    done: Mutex<(Purged, u64)>,
}

impl Run {
    pub(crate) fn new(now: Timestamp, time_left: Duration) -> Self {
        Self {
            now,
            stop_at: Instant::now() + time_left.saturating_sub(LONGEST_CALL),
            done: Mutex::default(),
        }
    }

    /// Erases what is due in a table.
    pub(crate) async fn table<T: ClaimsTable>(&self, table: &T) {
        stream::iter(0..ERASE_SHARDS)
            .for_each_concurrent(None, async |shard| self.shard(table, shard).await)
            .await;
    }

    /// What was done, and how much failed.
    pub(crate) fn finish(self) -> (Purged, u64) {
        let done = self.done.into_inner();
        done.unwrap_or_else(PoisonError::into_inner)
    }

    async fn shard<T: ClaimsTable>(&self, table: &T, shard: u8) {
        let mut pages = table.due(shard, self.now);
        while self.has_time() {
            match pages.next().await {
                None => return,
                Some(Ok(page)) => {
                    stream::iter(page)
                        .for_each_concurrent(CONCURRENCY, async |due| match due {
                            Ok(due) => self.erase(table, due).await,
                            Err(fault) => self.fail(&fault, "what is due could not be read"),
                        })
                        .await;
                }
                Some(Err(fault)) => return self.fail(&fault, "what is due could not be read"),
            }
        }
    }

    async fn erase<T: ClaimsTable>(&self, table: &T, due: Due<T::Id>) {
        if !self.has_time() {
            return;
        }
        match table.erase(due.id, self.now).await {
            Ok(Some(erased)) => self.count(|done, _| {
                let late = self.now.as_second().saturating_sub(due.erase_at_seconds);
                done.latest_seconds = done.latest_seconds.max(late);
                done.erased += u64::from(erased);
            }),
            Ok(None) => self.count(|done, _| done.overtaken += 1),
            Err(fault) => self.fail(&fault, "claims could not be erased"),
        }
    }

    /// Whether another call may be begun. If not, the run counts as unfinished.
    fn has_time(&self) -> bool {
        let has_time = Instant::now() < self.stop_at;
        if !has_time {
            self.count(|done, _| done.unfinished = true);
        }
        has_time
    }

    fn fail(&self, fault: &CallError, what: &str) {
        tracing::error!(%fault, "{what}");
        self.count(|_, failed| *failed += 1);
    }

    fn count(&self, count: impl FnOnce(&mut Purged, &mut u64)) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let (erased, failed) = &mut *done;
        count(erased, failed);
    }
}
