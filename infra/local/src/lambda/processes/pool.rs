//! The processes of a function, and the invocations that wait for one.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
};
use uuid::Uuid;

use super::{InvokeError, LambdaConfig, ProcessReport, UnderWay, cpu_time};

/// Starts a process of the pool's function, and gives its pid. The pool is told of its end, which the bell brings
/// about.
type StartProcess = fn(&Arc<Pool>, ProcessId, &Arc<Notify>) -> io::Result<u32>;

/// Names a process within its pool, for as long as the pool lives: a pid may be used again.
pub(super) type ProcessId = usize;

/// The processes of a function, and the invocations that wait for one.
pub(super) struct Pool {
    config: LambdaConfig,
    start_process: StartProcess,
    state: Mutex<State>,
    /// Rung once for each invocation that waits.
    work: Notify,
    /// Rung when a process has ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Invocation>,
    /// All that were started.
    processes: BTreeMap<ProcessId, Process>,
    stopped: bool,
}

/// A process that was started.
struct Process {
    report: ProcessReport,
    started: Instant,
    /// Asks for its end.
    kill: Arc<Notify>,
    /// It has asked for work.
    is_ready: bool,
    /// It was asked to end, so it gets no work any more.
    condemned: bool,
    /// What it works on, and what ends that when its time is over.
    current: Option<(Invocation, AbortHandle)>,
    /// What it reported before it asked for work.
    init_error: Option<String>,
}

/// What a process is invoked with, and where its answer goes.
struct Invocation {
    request_id: String,
    payload: Bytes,
    answer: oneshot::Sender<Result<Bytes, InvokeError>>,
}

impl Pool {
    pub(super) fn new(config: LambdaConfig, start_process: StartProcess) -> Arc<Self> {
        Arc::new(Self {
            config,
            start_process,
            state: Mutex::default(),
            work: Notify::new(),
            ended: Notify::new(),
        })
    }

    pub(super) fn config(&self) -> &LambdaConfig {
        &self.config
    }

    pub(super) async fn invoke(self: &Arc<Self>, payload: Bytes) -> Result<Bytes, InvokeError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.state();
            if state.stopped {
                return Err(InvokeError::Stopped);
            }
            state.waiting.push_back(Invocation {
                request_id: Uuid::new_v4().to_string(),
                payload,
                answer,
            });
            self.start_missing(&mut state);
        }
        self.work.notify_one();
        answered.await.unwrap_or(Err(InvokeError::NotAnswered))
    }

    pub(super) async fn kill(&self) -> usize {
        let condemned: Vec<ProcessId> = {
            let mut state = self.state();
            let running = state.processes.iter_mut();
            let running = running.filter(|(_, process)| process.report.running);
            running
                .map(|(id, process)| {
                    process.condemn();
                    *id
                })
                .collect()
        };
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let is_running = |id| self.change(id, |process| process.report.running);
            if !condemned.iter().any(|id| is_running(*id) == Some(true)) {
                return condemned.len();
            }
            ended.await;
        }
    }

    pub(super) async fn stop(&self) {
        let waiting = {
            let mut state = self.state();
            state.stopped = true;
            std::mem::take(&mut state.waiting)
        };
        for invocation in waiting {
            invocation.finish(Err(InvokeError::Stopped));
        }
        self.kill().await;
    }

    pub(super) fn reports(&self) -> Vec<ProcessReport> {
        let state = self.state();
        let reports = state.processes.values().map(|process| {
            let mut report = process.report.clone();
            if report.running {
                report.cpu = cpu_time::of_process(report.pid);
            }
            report
        });
        reports.collect()
    }

    pub(super) fn under_way(&self) -> Vec<UnderWay> {
        let state = self.state();
        let working = state.processes.values().filter_map(|process| {
            let (invocation, _) = process.current.as_ref()?;
            Some(UnderWay {
                pid: process.report.pid,
                request_id: invocation.request_id.clone(),
                payload: invocation.payload.clone(),
            })
        });
        working.collect()
    }

    pub(super) fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.processes.values().all(|one| one.current.is_none())
    }

    /// Waits for an invocation for this process, and takes it: its request id and its payload. A process that is about
    /// to end waits for ever: an answer of any kind would let it go on.
    pub(super) async fn next(self: &Arc<Self>, id: ProcessId) -> (String, Bytes) {
        self.change(id, |process| {
            process.is_ready = true;
            // An answer that never came: its caller learns that as NotAnswered.
            process.current = None;
        });
        loop {
            let work = self.work.notified();
            tokio::pin!(work);
            work.as_mut().enable();
            {
                let mut state = self.state();
                let State {
                    waiting, processes, ..
                } = &mut *state;
                let process = processes.get_mut(&id);
                let Some(process) = process.filter(|process| !process.condemned) else {
                    break;
                };
                if let Some(invocation) = waiting.pop_front() {
                    let taken = (invocation.request_id.clone(), invocation.payload.clone());
                    let timer = tokio::spawn(Arc::clone(self).time_out(id, taken.0.clone()));
                    process.current = Some((invocation, timer.abort_handle()));
                    return taken;
                }
            }
            work.await;
        }
        // The bell may have been rung for another process.
        self.work.notify_one();
        std::future::pending().await
    }

    /// Takes the answer to the invocation that the process has; false if it has another one or none.
    pub(super) fn answer(
        &self,
        id: ProcessId,
        request_id: &str,
        answer: Result<Bytes, InvokeError>,
    ) -> bool {
        let finished = self.change(id, |process| {
            let (invocation, timer) = process.take(request_id)?;
            timer.abort();
            let report = &mut process.report;
            if report.first_answer.is_none() {
                report.first_answer = Some(process.started.elapsed());
                report.first_answer_cpu = cpu_time::of_process(report.pid);
            }
            invocation.finish(answer);
            Some(())
        });
        finished.flatten().is_some()
    }

    /// Keeps what a process reports of its failed start.
    pub(super) fn note_init_error(&self, id: ProcessId, reason: String) {
        self.change(id, |process| process.init_error = Some(reason));
    }

    /// A process has ended: fails the invocation that it had, or that it was started for, and starts
    /// another one if that is needed.
    pub(super) fn note_end(
        self: &Arc<Self>,
        id: ProcessId,
        status: Option<ExitStatus>,
        cpu: Option<Duration>,
    ) {
        let status = status.map_or("unknown".to_owned(), |status| status.to_string());
        {
            let mut state = self.state();
            let State {
                waiting, processes, ..
            } = &mut *state;
            let Some(process) = processes.get_mut(&id) else {
                return;
            };
            process.report.running = false;
            process.report.cpu = cpu;
            process.condemned = true;
            if let Some((invocation, timer)) = process.current.take() {
                timer.abort();
                invocation.finish(Err(InvokeError::Exited(status)));
            } else if !process.is_ready
                && let Some(invocation) = waiting.pop_front()
            {
                let reason = process.init_error.take();
                let reason = reason.unwrap_or_else(|| "see its log".to_owned());
                invocation.finish(Err(InvokeError::Init { status, reason }));
            }
            self.start_missing(&mut state);
        }
        self.ended.notify_waiters();
    }

    /// Starts as many processes as there are invocations without one, within the limit. An invocation
    /// that waits for a process which cannot be started fails.
    fn start_missing(self: &Arc<Self>, state: &mut State) {
        while !state.stopped && state.lacks_a_process(self.config.max_processes) {
            let id = state.processes.len();
            let kill = Arc::new(Notify::new());
            let started = Instant::now();
            // The state is locked, so the process cannot be heard of before it is known.
            match (self.start_process)(self, id, &kill) {
                Ok(pid) => {
                    let report = ProcessReport {
                        pid,
                        running: true,
                        first_answer: None,
                        first_answer_cpu: None,
                        cpu: None,
                    };
                    let process = Process {
                        report,
                        started,
                        kill,
                        is_ready: false,
                        condemned: false,
                        current: None,
                        init_error: None,
                    };
                    state.processes.insert(id, process);
                }
                Err(source) => {
                    if let Some(invocation) = state.waiting.pop_back() {
                        let binary = self.config.binary.clone();
                        invocation.finish(Err(InvokeError::Start { binary, source }));
                    }
                }
            }
        }
    }

    /// Ends an invocation that takes too long, with its process.
    async fn time_out(self: Arc<Self>, id: ProcessId, request_id: String) {
        let timeout = self.config.timeout;
        tokio::time::sleep(timeout).await;
        self.change(id, |process| {
            if let Some((invocation, _)) = process.take(&request_id) {
                invocation.finish(Err(InvokeError::TimedOut(timeout)));
                process.condemn();
            }
        });
    }

    fn change<T>(&self, id: ProcessId, change: impl FnOnce(&mut Process) -> T) -> Option<T> {
        self.state().processes.get_mut(&id).map(change)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; if something did, counts may be off, no more.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether an invocation waits for which no process is free or starting, and there may be another one.
    fn lacks_a_process(&self, limit: usize) -> bool {
        let running = self.processes.values().filter(|one| one.report.running);
        let free = running.clone();
        let free = free.filter(|process| process.current.is_none() && !process.condemned);
        self.waiting.len() > free.count() && running.count() < limit
    }
}

impl Process {
    fn condemn(&mut self) {
        self.condemned = true;
        self.kill.notify_one();
    }

    /// What it works on, if that is this invocation.
    fn take(&mut self, request_id: &str) -> Option<(Invocation, AbortHandle)> {
        self.current
            .take_if(|(current, _)| current.request_id == request_id)
    }
}

impl Invocation {
    fn finish(self, answer: Result<Bytes, InvokeError>) {
        // Nobody hears it if the caller has left.
        let _ = self.answer.send(answer);
    }
}
