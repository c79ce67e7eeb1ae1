//! The backend's domain: records, transitions, poll schedule, use cases.
