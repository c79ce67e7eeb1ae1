//! What outlives a run, or not: the data directory, and what is kept in it.

pub(crate) mod data_dir;
pub(crate) mod identity;
pub(crate) mod scratch;
pub(crate) mod secrets;
