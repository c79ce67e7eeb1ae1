//! The processes of a function, and the invocations that wait for one.

use std::{
    collections::BTreeMap,
    io,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Bytes;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

use super::{
    InvokeError, LambdaConfig, ProcessReport, UnderWay, cpu_time,
    state::{Assignment, Current, Invocation, ProcessId, Running, State},
};

/// Starts a process of the pool's function, and gives its pid. The pool is told of its end, which the bell brings
/// about.
pub(super) type StartProcess = fn(&Arc<Pool>, ProcessId, &Arc<Notify>) -> io::Result<u32>;

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
        let request_id = Uuid::new_v4().to_string();
        {
            let mut state = self.state();
            if state.stopped {
                return Err(InvokeError::Stopped);
            }
            state.waiting.push_back(Invocation {
                request_id,
                payload,
                answer,
            });
        }
        self.work.notify_one();
        self.start_missing();
        answered.await.unwrap_or(Err(InvokeError::NotAnswered))
    }

    pub(super) async fn kill(&self) -> usize {
        let condemned: Vec<ProcessId> = {
            let mut state = self.state();
            state.running.values_mut().for_each(Running::condemn);
            state.running.keys().copied().collect()
        };
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if !condemned
                .iter()
                .any(|id| self.state().running.contains_key(id))
            {
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
            // Nobody hears it if the caller has left.
            let _ = invocation.answer.send(Err(InvokeError::Stopped));
        }
        self.kill().await;
    }

    pub(super) fn reports(&self) -> Vec<ProcessReport> {
        let state = self.state();
        let running = state.running.iter().map(|(id, running)| {
            let cpu = cpu_time::of_process(running.report.pid);
            (
                *id,
                ProcessReport {
                    cpu,
                    ..running.report.clone()
                },
            )
        });
        let mut reports: BTreeMap<_, _> = running.collect();
        reports.extend(state.ended.iter().map(|(id, report)| (*id, report.clone())));
        reports.into_values().collect()
    }

    pub(super) fn under_way(&self) -> Vec<UnderWay> {
        let state = self.state();
        let working = state.running.values().filter_map(|running| {
            let current = running.current.as_ref()?;
            Some(UnderWay {
                pid: running.report.pid,
                request_id: current.request_id.clone(),
                payload: current.payload.clone(),
            })
        });
        working.collect()
    }

    pub(super) fn is_idle(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.running.values().all(|one| one.current.is_none())
    }

    /// Waits for an invocation for this process, and takes it. A process that is about to end waits for
    /// ever: an answer of any kind would let it go on.
    pub(super) async fn next(self: &Arc<Self>, id: ProcessId) -> Assignment {
        self.note_ready(id);
        loop {
            let work = self.work.notified();
            tokio::pin!(work);
            work.as_mut().enable();
            let taken = {
                let mut state = self.state();
                match state.running.get(&id) {
                    Some(running) if !running.condemned => {
                        let invocation = state.waiting.pop_front();
                        invocation.map(|invocation| self.assign(&mut state, id, invocation))
                    }
                    _ => break,
                }
            };
            if let Some(assignment) = taken {
                return assignment;
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
        let mut state = self.state();
        let Some(running) = state.running.get_mut(&id) else {
            return false;
        };
        let Some(current) = running
            .current
            .take_if(|current| current.request_id == request_id)
        else {
            return false;
        };
        running.report.invocations += 1;
        if running.report.first_answer.is_none() {
            running.report.first_answer = Some(running.started.elapsed());
            running.report.first_answer_cpu = cpu_time::of_process(running.report.pid);
        }
        current.finish(answer);
        true
    }

    /// Keeps what a process reports of its failed start.
    pub(super) fn note_init_error(&self, id: ProcessId, reason: String) {
        if let Some(running) = self.state().running.get_mut(&id) {
            running.init_error = Some(reason);
        }
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
            let Some(running) = state.running.remove(&id) else {
                return;
            };
            let Running {
                mut report,
                current,
                init_error,
                ..
            } = running;
            if let Some(current) = current {
                current.finish(Err(InvokeError::Exited(status)));
            } else if report.init.is_none() {
                let reason = init_error.unwrap_or_else(|| "see its log".to_owned());
                let failure = InvokeError::Init { status, reason };
                if let Some(invocation) = state.waiting.pop_front() {
                    let _ = invocation.answer.send(Err(failure));
                }
            }
            report.running = false;
            report.cpu = cpu;
            state.ended.insert(id, report);
        }
        self.ended.notify_waiters();
        self.start_missing();
    }

    /// Starts as many processes as there are invocations without one, within the limit. An invocation
    /// that waits for a process which cannot be started fails.
    fn start_missing(self: &Arc<Self>) {
        let limit = self.config.max_processes;
        while self.reserve(|state| state.waiting.len() > state.free() && state.alive() < limit) {
            if let Err(error) = self.start()
                && let Some(invocation) = self.state().waiting.pop_back()
            {
                let _ = invocation.answer.send(Err(error));
            }
        }
    }

    /// Counts one more process as starting, if it is `needed`.
    fn reserve(&self, needed: impl FnOnce(&State) -> bool) -> bool {
        let mut state = self.state();
        let needed = !state.stopped && needed(&state);
        state.starting += usize::from(needed);
        needed
    }

    /// Starts a process that has been counted as starting.
    fn start(self: &Arc<Self>) -> Result<(), InvokeError> {
        // Under the lock, so that the process cannot be heard of before it is known.
        let mut state = self.state();
        state.starting -= 1;
        if state.stopped {
            return Err(InvokeError::Stopped);
        }
        state.started += 1;
        let id = state.started;
        let kill = Arc::new(Notify::new());
        let started = Instant::now();
        let pid = (self.start_process)(self, id, &kill).map_err(|source| InvokeError::Start {
            binary: self.config.binary.clone(),
            source,
        })?;
        let report = ProcessReport {
            pid,
            running: true,
            init: None,
            init_cpu: None,
            first_answer: None,
            first_answer_cpu: None,
            invocations: 0,
            cpu: None,
        };
        state.running.insert(
            id,
            Running {
                report,
                started,
                kill,
                condemned: false,
                current: None,
                init_error: None,
            },
        );
        Ok(())
    }

    fn note_ready(&self, id: ProcessId) {
        if let Some(running) = self.state().running.get_mut(&id) {
            if running.report.init.is_none() {
                running.report.init = Some(running.started.elapsed());
                running.report.init_cpu = cpu_time::of_process(running.report.pid);
            }
            // An answer that never came: its caller learns that as NotAnswered.
            running.current = None;
        }
    }

    fn assign(
        self: &Arc<Self>,
        state: &mut State,
        id: ProcessId,
        invocation: Invocation,
    ) -> Assignment {
        let Invocation {
            request_id,
            payload,
            answer,
        } = invocation;
        let pool = Arc::clone(self);
        let timed = request_id.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(pool.config.timeout).await;
            pool.time_out(id, &timed);
        });
        if let Some(running) = state.running.get_mut(&id) {
            running.current = Some(Current {
                request_id: request_id.clone(),
                payload: payload.clone(),
                answer,
                timer: timer.abort_handle(),
            });
        }
        Assignment {
            request_id,
            payload,
        }
    }

    fn time_out(&self, id: ProcessId, request_id: &str) {
        let mut state = self.state();
        let Some(running) = state.running.get_mut(&id) else {
            return;
        };
        if let Some(current) = running
            .current
            .take_if(|current| current.request_id == request_id)
        {
            let _ = current
                .answer
                .send(Err(InvokeError::TimedOut(self.config.timeout)));
            running.condemn();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; if something did, counts may be off, no more.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
