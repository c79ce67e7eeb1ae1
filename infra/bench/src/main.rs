//! Measures Bestow as a whole: `cargo build --release --workspace && target/release/bench cost`.
//! (`cargo bench -p bestow-bench` measures its parts.)

#![allow(
    clippy::print_stdout,
    reason = "the figures are what this command is for"
)]

mod cold_starts;
mod cost;
mod counting_proxy;
mod endurance;
mod floor;
mod flow;
mod meter;
mod prices;
mod processes;
mod report;
mod usage;

use clap::{Parser, Subcommand};

/// Anything that ends a measurement.
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
    /// Runs whole issuances against the functions as Lambda processes, and prints as Markdown tables what one uses,
    /// alone and under load: requests, invocations, AWS calls, DynamoDB units, bytes logged, CPU time beside the least
    /// that is possible, dollars, and how long each step takes.
    Cost(cost::Cost),
    /// Prints the time and the CPU time from the start of a process to its first answer, by function.
    ColdStarts(cold_starts::ColdStarts),
    /// Starts many issuances against the functions as Lambda processes: a third of the customers take the credential
    /// at once, a third late and a third never; one upload starts more. Fails unless all end right, a receiver of
    /// webhooks is told, the queues drain and the claims are erased, and draws issuances, backlog and memory over time
    /// as an SVG file. Takes up to 20 minutes longer than the offers last.
    Endurance(endurance::Endurance),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Cli::parse().command {
        Command::Cost(cost) => cost.run().await,
        Command::ColdStarts(cold_starts) => cold_starts.run().await,
        Command::Endurance(endurance) => endurance.run().await,
    }
}
