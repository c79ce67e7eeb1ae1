//! One run: every shard at once, each from its oldest claims on, until nothing is due or time is nearly up.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bestow_aws::CallError;
use bestow_aws::erasure::{Due, ERASE_SHARDS};
use futures::{StreamExt, stream};
use tokio::time::Instant;

use crate::Purged;
use crate::tables::ClaimsTable;

/// How many writes of one shard are under way at a time.
const CONCURRENCY: usize = 8;

/// No call is begun when less time is left than one may take: an AWS call 6.5 s, and a write that meets
/// transactions waits 5.6 s more.
const LONGEST_CALL: Duration = Duration::from_secs(13);

pub(crate) struct Run {
    now_seconds: i64,
    stop_at: Instant,
    erased: AtomicU64,
    overtaken: AtomicU64,
    failed: AtomicU64,
    latest_seconds: AtomicI64,
    unfinished: AtomicBool,
}

impl Run {
    pub(crate) fn new(now_seconds: i64, time_left: Duration) -> Self {
        Self {
            now_seconds,
            stop_at: Instant::now() + time_left.saturating_sub(LONGEST_CALL),
            erased: AtomicU64::new(0),
            overtaken: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            latest_seconds: AtomicI64::new(0),
            unfinished: AtomicBool::new(false),
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
        let done = Purged {
            erased: self.erased.into_inner(),
            latest_seconds: self.latest_seconds.into_inner(),
            overtaken: self.overtaken.into_inner(),
            unfinished: self.unfinished.into_inner(),
        };
        (done, self.failed.into_inner())
    }

    async fn shard<T: ClaimsTable>(&self, table: &T, shard: u8) {
        let mut pages = table.due(shard, self.now_seconds);
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
        match table.erase(due.id, self.now_seconds).await {
            Ok(Some(erased)) => {
                let late_by = self.now_seconds.saturating_sub(due.erase_at_seconds);
                self.latest_seconds.fetch_max(late_by, Ordering::Relaxed);
                self.erased.fetch_add(erased.into(), Ordering::Relaxed);
            }
            Ok(None) => drop(self.overtaken.fetch_add(1, Ordering::Relaxed)),
            Err(fault) => self.fail(&fault, "claims could not be erased"),
        }
    }

    /// Whether another call may be begun. If not, the run counts as unfinished.
    fn has_time(&self) -> bool {
        let has_time = Instant::now() < self.stop_at;
        if !has_time {
            self.unfinished.store(true, Ordering::Relaxed);
        }
        has_time
    }

    fn fail(&self, fault: &CallError, what: &str) {
        tracing::error!(%fault, "{what}");
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}
