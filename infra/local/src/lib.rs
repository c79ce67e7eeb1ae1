//! The local cloud: all of Bestow in one process on 127.0.0.1, with no account and no Docker.
//!
//! [`template`] reads what to run, and [`holder`] is a wallet to take a credential with.

mod data_dir;
pub mod holder;
mod identity;
pub mod template;
