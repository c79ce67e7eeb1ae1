//! The functions as Lambda processes, and how far a measurement is.

use std::path::PathBuf;

use bestow_local::{Binaries, FunctionHost, LocalCloud, Options, RunningCloud};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::Failure;

/// Which processes there are.
#[derive(Args, Clone)]
pub(crate) struct Processes {
    /// Processes of each function at most.
    #[arg(long, default_value_t = 2)]
    processes: usize,
    /// Where the functions' binaries are; by default beside this command.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

impl Processes {
    /// Where functions run.
    pub(crate) fn host(&self) -> Result<FunctionHost, Failure> {
        let start_issue = self.binary("start-issue")?;
        if !start_issue.exists() {
            let hint = "build the functions first: cargo build --release --workspace";
            return Err(format!("{} is not there; {hint}", start_issue.display()).into());
        }
        Ok(FunctionHost::Processes {
            binaries: Binaries::InFolder(self.binary("")?),
            max_processes: self.processes,
            aws: None,
        })
    }

    /// A function's binary: in the chosen directory, or in this command's own.
    pub(crate) fn binary(&self, name: &str) -> Result<PathBuf, Failure> {
        match &self.binaries {
            Some(chosen) => Ok(chosen.join(name)),
            None => Ok(std::env::current_exe()?.with_file_name(name)),
        }
    }

    /// Processes of each function at most.
    pub(crate) fn at_most(&self) -> usize {
        self.processes
    }

    pub(crate) async fn start(&self, options: Options) -> Result<RunningCloud, Failure> {
        let functions = self.host()?;
        Ok(LocalCloud::start(Options {
            functions,
            ..options
        })
        .await?)
    }
}

pub(crate) fn progress(length: usize, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(what);
    if let Ok(style) = ProgressStyle::with_template("{msg:16} {bar:40} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar
}
