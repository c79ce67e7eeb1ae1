//! Bulk start, on the backend's side: an upload of many Start-issue bodies becomes a job, whose lines are
//! started from a queue as fast as the wallet takes them. No AWS and no HTTP: what it needs from outside
//! are [`ports`].
//!
//! | use case | what it does |
//! |---|---|
//! | [`AcceptUpload::accept`] | keeps all lines of an upload, encrypted, or none of them |
//! | [`StartQueued::start_chunk`] | starts the lines of a chunk that are not done, and keeps what became of them |
//! | [`StartQueued::start_one`] | starts what a pipeline put on the queue itself |
//! | [`StartQueued::reconcile`] | mends a job whose upload died half-way |
//! | [`ReadJob`] | tells progress and results |
//!
//! A job is cut into chunks, each an item of its own with two sealed parts: the lines that are not done
//! yet, which have claims, and the results of those that are. One conditional write moves lines from the
//! first part to the second, so a line is never counted twice, and claims are gone when they are not
//! needed any more. Lines that were not started in time are taken away from outside
//! ([`Chunk::erase_at_seconds`]), whatever became of their message: they have failed. The queue carries
//! names only. Each line has a correlation id before it is kept, and by it a repeat after a crash finds
//! what was started before.

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
    Chunk, ChunkId, ChunkProgress, Job, LineOutcome, LineResult, RESULTS_KEPT_SECONDS,
};
pub use chunk::{PATIENCE_SECONDS, PendingLine};
pub use keys::{JobKeys, Part};
pub use message::StartMessage;
pub use read::{Progress, ReadError, ReadJob, ResultsPage};
pub use reconcile::Reconciled;
pub use start_chunk::{ChunkError, PASS_MS, Pass, StartQueued};
pub use start_one::Single;
pub use upload::{Upload, UploadLine};
