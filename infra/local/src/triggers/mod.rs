//! What invokes functions by events: queues, streams of tables, schedules.

pub(crate) mod checkpoints;
pub(crate) mod event_loop;
pub(crate) mod schedule_loop;
pub(crate) mod stream_loop;
