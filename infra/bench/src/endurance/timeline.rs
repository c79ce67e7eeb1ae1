//! What is seen from second to second while issuances run.

use std::time::Duration;

use crate::report::Statistics;

/// Everything of one interval.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Since the run began.
    pub(crate) at: Duration,
    /// Messages in each of [`super::QUEUES`], due or not.
    pub(crate) backlog: Vec<Backlog>,
    /// Start issue in this interval.
    pub(crate) start: Option<Statistics>,
    /// Poll messages dealt with in this interval.
    pub(crate) polls: u64,
    /// Issuances that were started, completed and expired since the run began.
    pub(crate) started: u64,
    pub(crate) completed: u64,
    pub(crate) expired: u64,
    /// Resident memory of all functions' processes together, in bytes.
    pub(crate) memory_bytes: u64,
    /// Processes of all functions.
    pub(crate) processes: usize,
}

/// The messages of one queue.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backlog {
    /// Due, or being dealt with.
    pub(crate) due: u64,
    /// Not due yet.
    pub(crate) delayed: u64,
}

/// A growing line of samples.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) samples: Vec<Sample>,
}

impl Timeline {
    /// The most due messages of all queues together at one time.
    pub(crate) fn worst_backlog(&self) -> u64 {
        let due = |sample: &Sample| sample.backlog.iter().map(|one| one.due).sum::<u64>();
        self.samples.iter().map(due).max().unwrap_or_default()
    }

    /// How much memory an average process had in the first and in the last tenth of the samples with
    /// processes, in bytes: flat, if the second is hardly more than the first.
    pub(crate) fn memory_of_a_process(&self) -> (u64, u64) {
        let alive: Vec<u64> = self
            .samples
            .iter()
            .filter_map(|sample| sample.memory_bytes.checked_div(sample.processes as u64))
            .collect();
        let tenth = alive.len().div_ceil(10);
        let mean = |part: &[u64]| {
            part.iter()
                .sum::<u64>()
                .checked_div(part.len() as u64)
                .unwrap_or_default()
        };
        let first = alive.get(..tenth).unwrap_or_default();
        let last = alive.get(alive.len() - tenth..).unwrap_or_default();
        (mean(first), mean(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_compared_between_the_first_and_the_last_tenth() {
        let samples = (1..=20).map(|number| Sample {
            memory_bytes: number * 100,
            processes: if number == 20 { 0 } else { 2 },
            ..Sample::default()
        });
        let timeline = Timeline {
            samples: samples.collect(),
        };
        // 19 samples have processes; two of them are a tenth.
        assert_eq!(timeline.memory_of_a_process(), (75, 925));
    }
}
