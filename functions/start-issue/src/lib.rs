//! start-issue.
