//! Bulk start, on the backend's side: an upload of many Start-issue bodies becomes a job, whose lines are started from a
//! queue as fast as the wallet takes them. No AWS and no HTTP: what it needs from outside are [`ports`].
//!
//! A job is cut into chunks, each an item with two sealed parts: the lines that are not done, which have claims, and the
//! results of those that are. One conditional write moves lines from the first part to the second, so no line counts
//! twice, and claims are gone when they are not needed any more. Lines that are not started in time are erased from
//! outside ([`Chunk::erase_at_seconds`]): they have failed. The queue carries names only. Each line has a correlation id
//! before it is stored, by which a repeat after a crash finds what was started before.

mod accept;
mod chunk;
mod decision;
mod keys;
mod message;
pub mod ports;
mod read;
mod reconcile;
mod start_chunk;
mod start_one;
mod upload;

pub use accept::{AcceptError, AcceptUpload};
pub use chunk::{
    Chunk, ChunkId, ChunkProgress, Job, LineOutcome, LineResult, PATIENCE, PendingLine,
    RESULTS_KEPT,
};
pub use keys::JobKeys;
pub use message::{StartMessage, Tried};
pub use read::{Progress, ReadError, ReadJob, ResultsPage};
pub use reconcile::Reconciled;
pub use start_chunk::{ChunkError, PASS, Pass, StartQueued};
pub use start_one::Single;
pub use upload::Upload;
