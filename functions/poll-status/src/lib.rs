//! poll-status.
