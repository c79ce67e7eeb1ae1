//! get-status.
