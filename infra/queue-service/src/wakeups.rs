//! Wakes receives that wait for a queue.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

/// One bell per queue, rung whenever something happened that could let a receive succeed, or that
/// changes when the next message falls due.
#[derive(Default)]
pub(crate) struct Wakeups(Mutex<HashMap<String, Arc<Notify>>>);

impl Wakeups {
    /// The bell of a queue. Bells are as many as queues ever named, and cost little.
    pub(crate) fn of(&self, queue: &str) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(queue) {
            return Arc::clone(bell);
        }
        let bell = Arc::new(Notify::new());
        bells.insert(queue.to_owned(), Arc::clone(&bell));
        bell
    }

    /// Wakes all receives that wait for the queue.
    pub(crate) fn wake(&self, queue: &str) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(queue) {
            bell.notify_waiters();
        }
    }

    /// Wakes all receives of all queues.
    pub(crate) fn wake_all(&self) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bells.values().for_each(|bell| bell.notify_waiters());
    }
}
