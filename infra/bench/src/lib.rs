//! Benchmarks and the load command.
