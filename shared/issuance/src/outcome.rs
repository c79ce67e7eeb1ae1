//! The outcome of a conditional write.

use uuid::Uuid;

/// Something as it is stored. Each write has a new `write_id`: a later write says by it what it was based on, and a
/// write whose answer was lost is recognised by it.
pub trait Versioned {
    /// Names the write that stored it.
    fn write_id(&self) -> Uuid;
}

/// What became of a conditional write or removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is stored, or removed.
    Done,
    /// Another write came first; this is what it stored.
    Overtaken(Box<T>),
    /// Nothing is stored any more.
    Gone,
}

impl<T: Versioned> Outcome<T> {
    /// The outcome of writing `mine` when the condition did not hold and `existing` is stored.
    pub fn instead_of(mine: &T, existing: Option<T>) -> Self {
        match existing {
            None => Self::Gone,
            // Our own write, whose answer was lost and which the client repeated.
            Some(existing) if existing.write_id() == mine.write_id() => Self::Done,
            Some(existing) => Self::Overtaken(Box::new(existing)),
        }
    }
}
