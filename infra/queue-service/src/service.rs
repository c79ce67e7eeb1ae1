//! The service: the store, the clock, and the receives that wait.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::Router;
use rusqlite::Transaction;
use tokio::{net::TcpListener, sync::Notify};

use crate::{
    Error,
    queues::{self, Queue},
    server,
    store::Store,
    wakeups::Wakeups,
};

/// Tells the time in Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Queues, in memory or in a file. Clones are handles to the same queues.
#[derive(Clone)]
pub struct QueueService {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    wakeups: Wakeups,
    clock: Clock,
    /// By how much the clock has been put forward, in milliseconds.
    ahead_ms: AtomicI64,
}

impl QueueService {
    /// Opens or creates queues in a file, whose folder exists. A message that was accepted, its
    /// delay and its visibility time-out survive the end of the process, however it ends. Fails if
    /// another process has the file open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(Self::new(
            Store::open(path.as_ref())?,
            Arc::new(system_time_ms),
        ))
    }

    /// Queues that live as long as the service.
    pub fn in_memory() -> Result<Self, Error> {
        Self::in_memory_with_clock(Arc::new(system_time_ms))
    }

    /// Queues in memory with another clock, for tests. A waiting receive still sleeps on tokio's
    /// timer, so the clock should go as that does.
    pub fn in_memory_with_clock(clock: Clock) -> Result<Self, Error> {
        Ok(Self::new(Store::in_memory()?, clock))
    }

    fn new(store: Store, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                wakeups: Wakeups::default(),
                clock,
                ahead_ms: AtomicI64::new(0),
            }),
        }
    }

    /// The SQS endpoint as a router, for queue URLs that start with `public_base_url`, such as
    /// `http://127.0.0.1:9324`, without a trailing slash.
    pub fn router(&self, public_base_url: &str) -> Router {
        server::router(self.clone(), public_base_url)
    }

    /// Serves the SQS endpoint on a listener, under its own address, until the future is dropped.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        let public_base_url = format!("http://{}", listener.local_addr()?);
        axum::serve(listener, self.router(&public_base_url)).await
    }

    /// Puts the clock forward: delays and visibility time-outs end that much earlier. For tests,
    /// which have no minutes to wait.
    pub fn let_pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.inner.ahead_ms.fetch_add(ms, Ordering::Relaxed);
        // They sleep by the clock as it was.
        self.inner.wakeups.wake_all();
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.inner.clock)() + self.inner.ahead_ms.load(Ordering::Relaxed)
    }

    /// Wakes the receives that wait for a queue.
    pub(crate) fn wake(&self, queue: &str) {
        self.inner.wakeups.wake(queue);
    }

    /// Notified by each [`wake`](Self::wake) of the queue.
    pub(crate) fn bell(&self, queue: &str) -> Arc<Notify> {
        self.inner.wakeups.of(queue)
    }

    /// Runs `work` in a transaction, which is committed if `work` succeeds.
    pub(crate) fn transact<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.inner.store.transact(work)
    }

    /// The same with the queue of this name.
    pub(crate) fn on_queue<T>(
        &self,
        name: &str,
        work: impl FnOnce(&Transaction<'_>, &Queue) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.transact(|transaction| {
            let queue = queues::find(transaction, name)?;
            work(transaction, &queue)
        })
    }
}

fn system_time_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
