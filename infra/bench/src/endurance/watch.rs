//! Looks at a running cloud each second, without disturbing it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bestow_local::processes::LambdaFunction;
use bestow_local::{Event, RunningCloud};
use bestow_queue_service::QueueService;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinSet;

use super::QUEUES;
use crate::Failure;

const INTERVAL: Duration = Duration::from_secs(1);
/// The size of a page of memory, on the platforms that this runs on.
const PAGE_BYTES: u64 = 4_096;

/// What was counted since the run began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) started: u64,
    pub(crate) completed: u64,
    pub(crate) expired: u64,
    pub(crate) failed: u64,
    /// Poll messages that were handled.
    pub(crate) polls: u64,
}

/// One look at the cloud.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Since the run began.
    pub(crate) at: Duration,
    pub(crate) counts: Counts,
    /// The messages of each of [`QUEUES`].
    pub(crate) backlogs: Vec<Backlog>,
    /// Resident memory of an average process of the functions, in bytes.
    pub(crate) memory_bytes: Option<u64>,
}

/// The messages of one queue.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backlog {
    /// Due, or being handled.
    pub(crate) due: u64,
    /// Not due yet.
    pub(crate) delayed: u64,
}

#[derive(Default)]
struct Seen {
    counts: Counts,
    samples: Vec<Sample>,
}

/// Looks at a cloud until it is dropped.
pub(crate) struct Watch {
    seen: Arc<Mutex<Seen>>,
    queues: Queues,
    _tasks: JoinSet<()>,
}

impl Watch {
    pub(crate) fn start(cloud: &RunningCloud) -> Self {
        let seen = Arc::default();
        let queues = Queues::of(cloud);
        let functions = cloud.function_names();
        let functions = functions.filter_map(|name| cloud.processes(name).cloned());
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(cloud.events(), Arc::clone(&seen)));
        tasks.spawn(sample(
            queues.clone(),
            functions.collect(),
            Arc::clone(&seen),
        ));
        Self {
            seen,
            queues,
            _tasks: tasks,
        }
    }

    /// What was counted so far, by the events.
    pub(crate) fn counts(&self) -> Counts {
        lock(&self.seen).counts
    }

    /// What was seen so far.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        lock(&self.seen).samples.clone()
    }

    /// Whether nothing is due in these queues, after some time for what is being handled.
    pub(crate) async fn are_empty(&self, names: &[&str]) -> Result<bool, Failure> {
        for _ in 0..20 {
            if self.messages(names, |backlog| backlog.due)? == 0 {
                return Ok(true);
            }
            tokio::time::sleep(INTERVAL).await;
        }
        Ok(false)
    }

    /// How many messages are in these queues.
    pub(crate) fn dead_letters(&self, names: &[&str]) -> Result<u64, Failure> {
        self.messages(names, |backlog| backlog.due + backlog.delayed)
    }

    fn messages(&self, names: &[&str], of: impl Fn(Backlog) -> u64) -> Result<u64, Failure> {
        let backlogs = names.iter().map(|name| self.queues.backlog(name));
        backlogs.map(|backlog| Ok(of(backlog?))).sum()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(mut events: Receiver<Event>, seen: Arc<Mutex<Seen>>) {
    loop {
        let event = events.recv().await;
        let counts = &mut lock(&seen).counts;
        match event {
            Ok(Event::Published { event_type, .. }) => match event_type.as_str() {
                "com.bestow.issue.created.v1" => counts.started += 1,
                "com.bestow.issue.completed.v1" => counts.completed += 1,
                "com.bestow.issue.expired.v1" => counts.expired += 1,
                "com.bestow.issue.failed.v1" => counts.failed += 1,
                _ => {}
            },
            Ok(Event::Batch {
                queue, messages, ..
            }) if queue == "PollQueue" => counts.polls += messages as u64,
            // What was missed is missing in the picture; every end is asked for afterwards.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn sample(queues: Queues, functions: Vec<LambdaFunction>, seen: Arc<Mutex<Seen>>) {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        ticks.tick().await;
        let backlogs = QUEUES.map(|name| queues.backlog(name).unwrap_or_default());
        let processes = functions.iter().flat_map(LambdaFunction::processes);
        let memory: Vec<u64> = processes
            .filter(|process| process.running)
            .filter_map(|process| resident_bytes(process.pid))
            .collect();
        let mut seen = lock(&seen);
        let sample = Sample {
            at: began.elapsed(),
            counts: seen.counts,
            backlogs: backlogs.into(),
            memory_bytes: mean(&memory),
        };
        seen.samples.push(sample);
    }
}

/// The resident memory of a process, where the system tells (Linux).
fn resident_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

/// The most messages of all queues together that were due at one time.
pub(crate) fn worst_backlog(samples: &[Sample]) -> u64 {
    let due = |sample: &Sample| sample.backlogs.iter().map(|one| one.due).sum();
    samples.iter().map(due).max().unwrap_or_default()
}

/// The memory of an average process in the first and in the last tenth of the samples, in bytes: flat, if the second is
/// hardly more than the first.
pub(crate) fn memory_of_a_process(samples: &[Sample]) -> (u64, u64) {
    let memory = samples.iter().filter_map(|sample| sample.memory_bytes);
    let memory: Vec<u64> = memory.collect();
    let tenth = memory.len().div_ceil(10);
    let first = memory.get(..tenth).unwrap_or_default();
    let last = memory.get(memory.len() - tenth..).unwrap_or_default();
    (
        mean(first).unwrap_or_default(),
        mean(last).unwrap_or_default(),
    )
}

fn mean(bytes: &[u64]) -> Option<u64> {
    bytes.iter().sum::<u64>().checked_div(bytes.len() as u64)
}

/// The queues of a cloud, by their names in the template.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_compared_between_the_first_and_the_last_tenth() {
        let samples = (1..=20).map(|number| Sample {
            memory_bytes: (number < 20).then_some(number * 50),
            ..Sample::default()
        });
        let samples: Vec<_> = samples.collect();
        // 19 samples have processes; two of them are a tenth.
        assert_eq!(memory_of_a_process(&samples), (75, 925));
    }
}
