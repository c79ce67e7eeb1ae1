//! set-credential-status.
