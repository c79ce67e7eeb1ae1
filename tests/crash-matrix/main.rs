//! The crash matrix: every function is killed just before and just after every call that it makes, and every
//! call fails in every way that it can; then the platform and the parties do what they do anyway (a queue
//! delivers again, a client repeats), and everything that must always hold is looked at.
//!
//! ```sh
//! cargo test --test crash-matrix                       # the kills of three flows: what `cargo test` runs anyway
//! CRASH_MATRIX=kills cargo test --test crash-matrix    # all kills
//! CRASH_MATRIX=all cargo test --test crash-matrix      # all faults
//! CRASH_MATRIX='poll-status' cargo test --test crash-matrix -- --nocapture   # cells with this in their name
//! ```
//!
//! The matrix is written to `target/crash-matrix.md` and, as a picture, to `target/crash-matrix.svg`.
//!
//! Nobody lists the calls. A run of each [flow](flows) without a fault, through the [proxy], learns them, so a
//! new call in a function is a new cell by itself; and a cell that is never hit is red. Each cell has a
//! [world] of its own: an in-memory local cloud whose functions are processes. Nothing waits for minutes:
//! while nothing happens, time passes, by moving the queues' clock forwards and stored moments back.

// All of it is test code, and nothing of it is used from elsewhere.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    unreachable_pub
)]

mod authorization_server;
mod backend;
mod call;
mod fault;
mod flows;
mod holder;
mod invariants;
mod matrix;
mod proxy;
mod receiver;
mod report;
mod status_list;
mod tables;
mod world;

use std::fmt;
use std::path::PathBuf;

use flows::Flow;
use matrix::Cell;

/// An invariant that does not hold.
#[derive(Debug, Clone)]
pub struct Broken {
    invariant: &'static str,
    found: String,
}

impl Broken {
    /// The invariant, and what was found instead.
    pub fn new(invariant: &'static str, found: impl Into<String>) -> Self {
        Self {
            invariant,
            found: found.into(),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}: {}", self.invariant, self.found)
    }
}

/// That two things are the same, as the invariant says.
pub fn same_value<T: PartialEq + fmt::Debug>(
    invariant: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), Broken> {
    if found == expected {
        return Ok(());
    }
    Err(Broken::new(
        invariant,
        format!("{found:?} instead of {expected:?}"),
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cell_of_the_crash_matrix_is_red() {
    let wanted = std::env::var("CRASH_MATRIX").unwrap_or_default();
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
    let flows = if wanted.is_empty() {
        &[Flow::Issue, Flow::Abandon, Flow::External][..]
    } else {
        &Flow::ALL
    };
    let is_wanted = |cell: &Cell| match wanted.as_str() {
        "" | "kills" => cell.fault.is_kill(),
        "all" => true,
        text => cell.to_string().contains(text),
    };
    let began = std::time::Instant::now();
    let cells = matrix::learn(flows, is_wanted).await;
    assert!(!cells.is_empty(), "no cell has {wanted:?} in its name");
    let count = cells.len();
    eprintln!("{count} cells, learnt in {} s", began.elapsed().as_secs());
    let outcomes = matrix::run(cells, |cell, outcome| match outcome {
        Ok(()) if wanted.is_empty() => {}
        Ok(()) => eprintln!("ok   {cell}"),
        Err(broken) => eprintln!(
            "RED  {cell}\n     {broken}\n     alone: {}",
            report::alone(cell)
        ),
    })
    .await;

    let target = target();
    std::fs::write(target.join("crash-matrix.md"), report::markdown(&outcomes)).expect("a report");
    std::fs::write(target.join("crash-matrix.svg"), report::picture(&outcomes)).expect("a picture");
    let summary = report::summary(&outcomes);
    eprintln!("{summary} ({} s)", began.elapsed().as_secs());
    let red = outcomes.values().filter(|outcome| outcome.is_err()).count();
    assert_eq!(
        red,
        0,
        "{summary}: see {}",
        target.join("crash-matrix.md").display()
    );
}

/// Cargo's target directory.
fn target() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_local"));
    binary
        .ancestors()
        .nth(2)
        .expect("target/PROFILE/BINARY")
        .to_owned()
}
