//! Measures Bestow as a whole: `cargo build --release --workspace && target/release/bench load`.
//! (`cargo bench -p bench` measures its parts.)

#![allow(
    clippy::print_stdout,
    reason = "the figures are what this command is for"
)]

mod counting_proxy;
mod dynamodb;
mod endurance;
mod flow;
mod load;
mod polls;
mod report;

use clap::{Parser, Subcommand};

/// Anything that ends a measurement: there is nobody to tell but the person who started it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures Bestow as a whole.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs whole issuances against the functions as Lambda processes, with embedded AWS services in
    /// memory, and prints times, CPU time, AWS calls and cold starts as Markdown tables.
    Load(load::Load),
    /// Runs issuances whose backends never ask, with and without callbacks of the wallet, and prints how
    /// often the wallet was asked and how long it took until it was known that the customer has the
    /// credential.
    Polls(polls::Polls),
    /// Starts many issuances against the functions as Lambda processes: a third of the customers take the
    /// credential at once, a third late and a third never; one upload starts more. Fails unless all end right, a
    /// receiver of webhooks is told, the queues drain and the claims are erased, and draws backlog, latency, polls
    /// and memory over time as an SVG file. Takes up to 20 minutes longer than the offers last.
    Endurance(endurance::Endurance),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Cli::parse().command {
        Command::Load(load) => load.run().await,
        Command::Polls(polls) => polls.run().await,
        Command::Endurance(endurance) => endurance.run().await,
    }
}
