//! What it takes until a function that has no process yet gives its first answer.

use std::collections::BTreeMap;
use std::time::Duration;

use bestow_local::Options;
use clap::Args;

use crate::Failure;
use crate::flow::{Clock, Parties};
use crate::processes::{Processes, progress};
use crate::report::{self, Statistics};

#[derive(Args)]
pub(crate) struct ColdStarts {
    /// Cold starts of each function.
    #[arg(long, default_value_t = 10)]
    starts: usize,
    #[command(flatten)]
    processes: Processes,
}

/// The cold starts of one function.
pub(crate) struct ColdStart {
    pub(crate) function: String,
    /// From the start of the process to its first answer.
    pub(crate) wall: Statistics,
    /// CPU time of the process until then.
    pub(crate) cpu: Statistics,
}

impl ColdStarts {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut samples: BTreeMap<String, (Vec<Duration>, Vec<Duration>)> = BTreeMap::new();
        let progress = progress(self.starts, "cold starts");
        for _ in 0..self.starts {
            let cloud = self.processes.start(Options::default()).await?;
            let parties = Parties::new(cloud.base_url(), cloud.api_key())?;
            // One issuance starts each function but one, whose answer to a stranger is as good.
            let mut clock = Clock::default();
            let taken = parties.issue(&mut clock).await?;
            parties.query(&taken, &mut clock).await?;
            parties.ask_credential_status().await?;
            for name in cloud.function_names() {
                let processes = cloud.processes(name).map(|function| function.processes());
                let first = processes.and_then(|processes| processes.into_iter().next());
                let times = first.and_then(|first| first.first_answer.zip(first.first_answer_cpu));
                let (walls, cpus) = samples.entry(name.to_owned()).or_default();
                let (wall, cpu) = times.unzip();
                walls.extend(wall);
                cpus.extend(cpu);
            }
            cloud.shutdown().await;
            progress.inc(1);
        }
        progress.finish_and_clear();
        let samples = samples.into_iter();
        let samples = samples.filter(|(_, (walls, _))| !walls.is_empty());
        report::print_cold_starts(samples.map(|(function, (walls, cpus))| ColdStart {
            function,
            wall: Statistics::of(walls),
            cpu: Statistics::of(cpus),
        }));
        Ok(())
    }
}
