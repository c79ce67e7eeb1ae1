//! The service: the store, the clock, and the receives that wait.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::Router;
use tokio::{
    net::TcpListener,
    time::{Instant, sleep_until},
};

use crate::{
    Error, Message, NewMessage, QueueAttributes, Sent, server,
    store::{self, MessageCounts, MoveTask, Queue, Received, Store},
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

/// How to receive. The default is one message, with the queue's own wait and visibility time-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receive {
    /// At most this many messages, at least 1. Over HTTP at most 10.
    pub max_messages: usize,
    /// How long to wait for a message to be due; none for the queue's
    /// `ReceiveMessageWaitTimeSeconds`. Over HTTP at most 20 s.
    pub wait: Option<Duration>,
    /// Seconds that the messages stay hidden, 0 to 43200; none for the queue's `VisibilityTimeout`.
    pub visibility_timeout_seconds: Option<i64>,
}

impl Default for Receive {
    fn default() -> Self {
        Self {
            max_messages: 1,
            wait: None,
            visibility_timeout_seconds: None,
        }
    }
}

impl QueueService {
    /// Opens or creates queues in a file, whose folder exists. A message that was accepted, its
    /// delay and its visibility time-out survive the end of the process, however it ends. Fails if
    /// another process has the file open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Ok(Self::new(Store::open(path.as_ref())?))
    }

    /// Queues that live as long as the service.
    pub fn in_memory() -> Result<Self, Error> {
        Ok(Self::new(Store::in_memory()?))
    }

    fn new(store: Store) -> Self {
        Self::from_parts(store, Arc::new(system_time_ms))
    }

    fn from_parts(store: Store, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                wakeups: Wakeups::default(),
                clock,
                ahead_ms: AtomicI64::new(0),
            }),
        }
    }

    /// Queues in memory with another clock, for tests. A waiting receive still sleeps on tokio's
    /// timer, so the clock should go as that does.
    pub fn in_memory_with_clock(clock: Clock) -> Result<Self, Error> {
        Ok(Self::from_parts(Store::in_memory()?, clock))
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

    /// Creates a queue with attributes as SQS names and writes them; a FIFO queue has
    /// `FifoQueue=true`. A dead-letter queue must exist before its source. If the queue exists,
    /// nothing is changed, and an attribute with another value is [`Error::QueueNameExists`].
    pub fn create_queue<N: Into<String>, V: Into<String>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), Error> {
        self.create_tagged_queue(name, &owned(attributes), &BTreeMap::new())
    }

    pub(crate) fn create_tagged_queue(
        &self,
        name: &str,
        attributes: &BTreeMap<String, String>,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let now_ms = self.now_ms();
        self.inner
            .store
            .transact(|transaction| store::create(transaction, name, attributes, tags, now_ms))
    }

    /// Changes attributes of a queue, named and written as SQS does.
    pub fn set_attributes<N: Into<String>, V: Into<String>>(
        &self,
        queue: &str,
        attributes: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), Error> {
        let (attributes, now_ms) = (owned(attributes), self.now_ms());
        self.inner.store.transact(|transaction| {
            store::set_attributes(transaction, queue, &attributes, now_ms)
        })?;
        // A shorter retention or another redrive policy can change what a receive finds.
        self.inner.wakeups.wake(queue);
        Ok(())
    }

    /// A queue's attributes.
    pub fn attributes(&self, queue: &str) -> Result<QueueAttributes, Error> {
        Ok(self.queue(queue)?.attributes)
    }

    /// The names of all queues, sorted.
    pub fn queue_names(&self) -> Result<Vec<String>, Error> {
        Ok(self
            .queues("")?
            .into_iter()
            .map(|queue| queue.name)
            .collect())
    }

    /// Deletes a queue and its messages.
    pub fn delete_queue(&self, queue: &str) -> Result<(), Error> {
        self.on_queue(queue, |transaction, queue| {
            store::delete_queue(transaction, queue.id)
        })?;
        // Receives that wait for it learn that it is gone.
        self.inner.wakeups.wake(queue);
        Ok(())
    }

    /// Deletes all messages of a queue, those in flight too.
    pub fn purge(&self, queue: &str) -> Result<(), Error> {
        self.on_queue(queue, |transaction, queue| {
            store::purge(transaction, queue.id)
        })
    }

    /// Counts a queue's messages.
    pub fn counts(&self, queue: &str) -> Result<MessageCounts, Error> {
        let now_ms = self.now_ms();
        self.on_queue(queue, |transaction, queue| {
            store::counts(transaction, queue, now_ms)
        })
    }

    /// Sends a message.
    pub fn send(&self, queue: &str, message: &NewMessage) -> Result<Sent, Error> {
        let now_ms = self.now_ms();
        let sent = self.on_queue(queue, |transaction, queue| {
            store::send(transaction, queue, message, now_ms)
        })?;
        self.inner.wakeups.wake(queue);
        Ok(sent)
    }

    /// Receives due messages, and waits for the first one as long as `how` says. It may be dropped
    /// at any time: messages are taken only by the call that returns them.
    pub async fn receive(&self, queue: &str, how: Receive) -> Result<Vec<Message>, Error> {
        let started = Instant::now();
        let wait = match how.wait {
            Some(wait) => wait,
            None => Duration::from_secs(self.attributes(queue)?.receive_wait_seconds.into()),
        };
        let bell = self.inner.wakeups.of(queue);
        loop {
            // Listened for before looking, so that a message sent in between is not missed.
            let woken = bell.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let now_ms = self.now_ms();
            let received = self.take(queue, how, now_ms)?;
            let elapsed = started.elapsed();
            if !received.messages.is_empty() || elapsed >= wait {
                return Ok(received.messages);
            }
            let until_due = received
                .next_due_at_ms
                .and_then(|due_at_ms| u64::try_from(due_at_ms - now_ms).ok())
                .map_or(wait, Duration::from_millis);
            let pause = until_due.min(wait - elapsed);
            tokio::select! {
                () = woken => {}
                () = sleep_until(Instant::now() + pause) => {}
            }
        }
    }

    fn take(&self, queue: &str, how: Receive, now_ms: i64) -> Result<Received, Error> {
        let received = self.on_queue(queue, |transaction, queue| {
            let seconds = how
                .visibility_timeout_seconds
                .unwrap_or(queue.attributes.visibility_timeout_seconds.into());
            store::check_visibility(seconds)?;
            store::receive(transaction, queue, how.max_messages, seconds * 1000, now_ms)
        })?;
        if let Some(dead_letter_queue) = &received.dead_lettered_to {
            self.inner.wakeups.wake(dead_letter_queue);
        }
        Ok(received)
    }

    /// Deletes a received message. It is a success if the message is gone already.
    pub fn delete(&self, queue: &str, receipt_handle: &str) -> Result<(), Error> {
        let now_ms = self.now_ms();
        self.on_queue(queue, |transaction, queue| {
            store::delete(transaction, queue, receipt_handle, now_ms)
        })?;
        // The rest of its group may be received now.
        self.inner.wakeups.wake(queue);
        Ok(())
    }

    /// Makes a received message visible again `seconds` from now, 0 to 43200.
    pub fn change_visibility(
        &self,
        queue: &str,
        receipt_handle: &str,
        seconds: i64,
    ) -> Result<(), Error> {
        let now_ms = self.now_ms();
        self.on_queue(queue, |transaction, queue| {
            store::change_visibility(transaction, queue, receipt_handle, seconds, now_ms)
        })?;
        self.inner.wakeups.wake(queue);
        Ok(())
    }

    pub(crate) fn start_move_task(
        &self,
        source_arn: &str,
        destination_arn: Option<&str>,
        per_second: Option<i64>,
    ) -> Result<MoveTask, Error> {
        let now_ms = self.now_ms();
        let (task, reached) = self.inner.store.transact(|transaction| {
            store::start_move_task(transaction, source_arn, destination_arn, per_second, now_ms)
        })?;
        for queue in &reached {
            self.inner.wakeups.wake(queue);
        }
        Ok(task)
    }

    pub(crate) fn move_tasks(&self, source_arn: &str, limit: i64) -> Result<Vec<MoveTask>, Error> {
        self.inner
            .store
            .transact(|transaction| store::move_tasks(transaction, source_arn, limit))
    }

    pub(crate) fn queue(&self, queue: &str) -> Result<Queue, Error> {
        self.inner
            .store
            .transact(|transaction| store::find(transaction, queue))
    }

    /// The queues whose names start with `prefix`, by name.
    pub(crate) fn queues(&self, prefix: &str) -> Result<Vec<Queue>, Error> {
        self.inner
            .store
            .transact(|transaction| store::list(transaction, prefix))
    }

    pub(crate) fn change_tags(
        &self,
        queue: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<(), Error> {
        self.on_queue(queue, |transaction, queue| {
            let mut tags = queue.tags.clone();
            change(&mut tags);
            store::set_tags(transaction, queue.id, &tags)
        })
    }

    fn on_queue<T>(
        &self,
        name: &str,
        work: impl FnOnce(&rusqlite::Transaction<'_>, &Queue) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.inner.store.transact(|transaction| {
            let queue = store::find(transaction, name)?;
            work(transaction, &queue)
        })
    }

    /// Puts the clock forward: delays and visibility time-outs end that much earlier. For tests, which have
    /// no minutes to wait.
    pub fn let_pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.inner.ahead_ms.fetch_add(ms, Ordering::Relaxed);
        // They sleep by the clock as it was.
        self.inner.wakeups.wake_all();
    }

    /// How long it takes until the first message of all queues falls due: zero if one is due already, none
    /// if there are no messages. Dead letters do not count.
    pub fn until_next_due(&self) -> Result<Option<Duration>, Error> {
        let now_ms = self.now_ms();
        let due_at_ms = self.inner.store.transact(store::first_due_at_ms)?;
        Ok(due_at_ms.map(|due_at_ms| {
            let ms = due_at_ms.saturating_sub(now_ms);
            Duration::from_millis(u64::try_from(ms).unwrap_or_default())
        }))
    }

    fn now_ms(&self) -> i64 {
        (self.inner.clock)() + self.inner.ahead_ms.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for QueueService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueService")
            .field("store", &self.inner.store)
            .finish_non_exhaustive()
    }
}

fn owned<N: Into<String>, V: Into<String>>(
    attributes: impl IntoIterator<Item = (N, V)>,
) -> BTreeMap<String, String> {
    attributes
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn system_time_ms() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
