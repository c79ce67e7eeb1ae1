//! What every function starts with: configuration, logs, authentication, batches.
