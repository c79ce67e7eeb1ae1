//! The local cloud: all of Bestow in one process on 127.0.0.1, with no account and no Docker.

pub mod template;
