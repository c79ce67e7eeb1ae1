//! What comes of storing something that others store, too.

use uuid::Uuid;

/// Something as it is stored. Every write gives it a new `write_id`, so that a later write can say what it was
/// based on, and so that a write whose answer was lost is recognised.
pub trait Versioned {
    /// Names the write that stored it.
    fn write_id(&self) -> Uuid;
}

/// What came of an attempt to store something, or to remove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is stored, or removed.
    Done,
    /// Another write came first; this is what it stored.
    Overtaken(Box<T>),
    /// There is none any more.
    Gone,
}

impl<T: Versioned> Outcome<T> {
    /// What it means that `existing` was found when `mine` was to be stored.
    pub fn instead_of(mine: &T, existing: Option<T>) -> Self {
        match existing {
            None => Self::Gone,
            // Our own write, whose answer was lost and which the client repeated.
            Some(existing) if existing.write_id() == mine.write_id() => Self::Done,
            Some(existing) => Self::Overtaken(Box::new(existing)),
        }
    }
}
