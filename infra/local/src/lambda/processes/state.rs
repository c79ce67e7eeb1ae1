//! What a pool keeps in mind: who runs, with what, and what waits.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use axum::body::Bytes;
use tokio::{
    sync::{Notify, oneshot},
    task::AbortHandle,
};

use super::{InvokeError, ProcessReport};

/// Names a process within its pool, for as long as the pool lives: a pid may be used again.
pub(super) type ProcessId = u64;

/// An invocation that no process has taken yet.
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    pub(super) answer: oneshot::Sender<Result<Bytes, InvokeError>>,
}

/// What a process is told of an invocation that it takes.
pub(super) struct Assignment {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
}

/// A process that has been started.
pub(super) struct Running {
    pub(super) report: ProcessReport,
    pub(super) started: Instant,
    /// Asks for its end.
    pub(super) kill: Arc<Notify>,
    /// It has been asked to end, so it gets no work any more.
    pub(super) condemned: bool,
    pub(super) current: Option<Current>,
    /// What it reported before it asked for work.
    pub(super) init_error: Option<String>,
}

/// The invocation that a process works on.
pub(super) struct Current {
    pub(super) request_id: String,
    pub(super) payload: Bytes,
    pub(super) answer: oneshot::Sender<Result<Bytes, InvokeError>>,
    /// Ends the invocation when its time is over.
    pub(super) timer: AbortHandle,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) waiting: VecDeque<Invocation>,
    pub(super) running: BTreeMap<ProcessId, Running>,
    pub(super) ended: BTreeMap<ProcessId, ProcessReport>,
    /// How many processes have been started; the newest one's id.
    pub(super) started: ProcessId,
    /// Processes that are about to be started.
    pub(super) starting: usize,
    pub(super) stopped: bool,
}

impl State {
    pub(super) fn alive(&self) -> usize {
        self.starting + self.running.len()
    }

    /// Processes that will take an invocation: those that wait for one, or are still starting.
    pub(super) fn free(&self) -> usize {
        let free = |running: &&Running| running.current.is_none() && !running.condemned;
        self.starting + self.running.values().filter(free).count()
    }
}

impl Running {
    pub(super) fn condemn(&mut self) {
        self.condemned = true;
        self.kill.notify_one();
    }
}

impl Current {
    pub(super) fn finish(self, answer: Result<Bytes, InvokeError>) {
        self.timer.abort();
        // Nobody hears it if the caller has left.
        let _ = self.answer.send(answer);
    }
}
