//! The service: the store, the clock, and the receives that wait.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use axum::Router;
use jiff::Timestamp;
use rusqlite::Transaction;
use tokio::{net::TcpListener, sync::Notify};

use crate::{
    Error,
    queues::{self, Queue},
    server,
    store::Store,
};

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Queues, in memory or in a file. Clones are handles to the same queues.
#[derive(Clone)]
pub struct QueueService {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    /// By how much the clock has been put forward.
    ahead_ms: AtomicI64,
    /// For each queue what wakes the receives that wait for it.
    bells: Mutex<HashMap<String, Arc<Notify>>>,
}

impl QueueService {
    /// Opens or creates queues in a file, whose folder exists. A message that was accepted, its
    /// delay and its visibility time-out survive the end of the process, however it ends. Fails if
    /// another process has the file open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let store = Store::open(path.as_ref())?;
        Ok(Self::new(store, Arc::new(Timestamp::now)))
    }

    /// Queues that live as long as the service.
    pub fn in_memory() -> Result<Self, Error> {
        Self::in_memory_with_clock(Arc::new(Timestamp::now))
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
                clock,
                ahead_ms: AtomicI64::new(0),
                bells: Mutex::default(),
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
        self.inner
            .ahead_ms
            .fetch_add(millis(time), Ordering::Relaxed);
        // They sleep by the clock as it was.
        for bell in self.bells().values() {
            bell.notify_waiters();
        }
    }

    /// The time as it is stored: Unix milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.inner.clock)().as_millisecond() + self.inner.ahead_ms.load(Ordering::Relaxed)
    }

    /// Rung whenever a receive from the queue could succeed, or its next message falls due at another time.
    pub(crate) fn bell(&self, queue: &str) -> Arc<Notify> {
        Arc::clone(self.bells().entry(queue.to_owned()).or_default())
    }

    fn bells(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.inner
            .bells
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        work: impl FnOnce(&Transaction<'_>, Queue) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.transact(|transaction| {
            let queue = queues::find(transaction, name)?;
            work(transaction, queue.ok_or(Error::QueueDoesNotExist)?)
        })
    }
}

/// A duration as it is stored.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
