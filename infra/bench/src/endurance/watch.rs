//! Looks at a running cloud each second, without disturbing it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bestow_local::processes::LambdaFunction;
use bestow_local::{Event, RunningCloud};
use bestow_queue_service::QueueService;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use super::QUEUES;
use super::timeline::{Backlog, Sample, Timeline};
use crate::Failure;
use crate::report::Statistics;

const INTERVAL: Duration = Duration::from_secs(1);
/// Linux counts resident memory in pages of this many bytes on the platforms that this runs on.
const PAGE_BYTES: u64 = 4_096;

/// The times of Start issue since they were last looked at.
#[derive(Clone, Default)]
pub(crate) struct Latencies(Arc<Mutex<Vec<Duration>>>);

impl Latencies {
    pub(crate) fn add(&self, time: Duration) {
        self.lock().push(time);
    }

    fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Duration>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was counted since the run began.
#[derive(Default)]
struct Counts {
    started: AtomicU64,
    completed: AtomicU64,
    expired: AtomicU64,
    failed: AtomicU64,
    polls: AtomicU64,
}

/// Looks at a cloud until [`Watch::end`].
pub(crate) struct Watch {
    latencies: Latencies,
    counts: Arc<Counts>,
    queues: Queues,
    listening: JoinHandle<()>,
    sampling: JoinHandle<()>,
    timeline: Arc<Mutex<Timeline>>,
}

impl Watch {
    pub(crate) fn start(cloud: &RunningCloud) -> Result<Self, Failure> {
        let counts = Arc::new(Counts::default());
        let latencies = Latencies::default();
        let queues = Queues::of(cloud);
        let timeline = Arc::new(Mutex::new(Timeline::default()));
        let listening = tokio::spawn(listen(cloud.events(), Arc::clone(&counts)));
        let functions: Vec<LambdaFunction> = cloud
            .function_names()
            .filter_map(|name| cloud.processes(name).cloned())
            .collect();
        let sampling = tokio::spawn(sample(
            queues.clone(),
            functions,
            Arc::clone(&counts),
            latencies.clone(),
            Arc::clone(&timeline),
        ));
        Ok(Self {
            latencies,
            counts,
            queues,
            listening,
            sampling,
            timeline,
        })
    }

    /// Where the times of Start issue go.
    pub(crate) fn latencies(&self) -> Latencies {
        self.latencies.clone()
    }

    /// How many issuances have ended, as the events say.
    pub(crate) fn ended(&self) -> u64 {
        [
            &self.counts.completed,
            &self.counts.expired,
            &self.counts.failed,
        ]
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .sum()
    }

    /// Whether nothing is due in these queues; waits a moment for what is being dealt with.
    pub(crate) async fn are_empty(&self, names: &[&str]) -> Result<bool, Failure> {
        for _ in 0..20 {
            let mut due = 0;
            for name in names {
                due += self.queues.backlog(name)?.due;
            }
            if due == 0 {
                return Ok(true);
            }
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(false)
    }

    /// How many messages are in these queues.
    pub(crate) fn dead_letters(&self, names: &[&str]) -> Result<u64, Failure> {
        let mut letters = 0;
        for name in names {
            let backlog = self.queues.backlog(name)?;
            letters += backlog.due + backlog.delayed;
        }
        Ok(letters)
    }

    /// Stops looking.
    pub(crate) async fn end(self) -> Result<Timeline, Failure> {
        self.listening.abort();
        self.sampling.abort();
        let mut timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut timeline))
    }
}

async fn listen(mut events: tokio::sync::broadcast::Receiver<Event>, counts: Arc<Counts>) {
    let add = |count: &AtomicU64, number: usize| {
        count.fetch_add(number as u64, Ordering::Relaxed);
    };
    loop {
        match events.recv().await {
            Ok(Event::Published { event_type, .. }) => match event_type.as_str() {
                "com.bestow.issue.created.v1" => add(&counts.started, 1),
                "com.bestow.issue.completed.v1" => add(&counts.completed, 1),
                "com.bestow.issue.expired.v1" => add(&counts.expired, 1),
                "com.bestow.issue.failed.v1" => add(&counts.failed, 1),
                _ => {}
            },
            Ok(Event::Batch {
                queue, messages, ..
            }) if queue == "PollQueue" => add(&counts.polls, messages),
            Ok(_) => {}
            // What was missed is missing in the picture; the ends are asked for one by one afterwards.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn sample(
    queues: Queues,
    functions: Vec<LambdaFunction>,
    counts: Arc<Counts>,
    latencies: Latencies,
    timeline: Arc<Mutex<Timeline>>,
) {
    let began = Instant::now();
    let mut polls_before = 0;
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let mut backlog = Vec::with_capacity(QUEUES.len());
        for name in QUEUES {
            backlog.push(queues.backlog(name).unwrap_or_default());
        }
        let now = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let polls = now(&counts.polls);
        let times = latencies.take();
        let memory: Vec<u64> = functions
            .iter()
            .flat_map(LambdaFunction::processes)
            .filter(|process| process.running)
            .filter_map(|process| resident_bytes(process.pid))
            .collect();
        let sample = Sample {
            at: began.elapsed(),
            backlog,
            start: (!times.is_empty()).then(|| Statistics::of(times)),
            polls: polls - polls_before,
            started: now(&counts.started),
            completed: now(&counts.completed),
            expired: now(&counts.expired),
            memory_bytes: memory.iter().sum(),
            processes: memory.len(),
        };
        polls_before = polls;
        timeline
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .samples
            .push(sample);
    }
}

/// The resident memory of a process, where the system tells (Linux).
fn resident_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

/// The queues of a cloud.
#[derive(Clone)]
struct Queues {
    service: QueueService,
    names: BTreeMap<String, String>,
}

impl Queues {
    fn of(cloud: &RunningCloud) -> Self {
        let queues = cloud.stack().queues.iter();
        let names = queues.map(|queue| (queue.logical_id.clone(), queue.name.clone()));
        Self {
            service: cloud.queues().clone(),
            names: names.collect(),
        }
    }

    /// What is in the queue with this name in the template.
    fn backlog(&self, name: &str) -> Result<Backlog, Failure> {
        let queue = self.names.get(name);
        let queue = queue.ok_or_else(|| format!("the template has no queue {name}"))?;
        let counts = self.service.counts(queue)?;
        Ok(Backlog {
            due: u64::try_from(counts.visible + counts.not_visible)?,
            delayed: u64::try_from(counts.delayed)?,
        })
    }
}
