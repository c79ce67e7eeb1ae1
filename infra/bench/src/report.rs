//! The figures as Markdown tables, for the README.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::load::ColdStart;
use crate::polls::Followed;

/// Median and 99th percentile of a number of times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Statistics {
    median: Duration,
    p99: Duration,
    longest: Duration,
}

impl Statistics {
    pub(crate) const fn median(self) -> Duration {
        self.median
    }

    pub(crate) const fn p99(self) -> Duration {
        self.p99
    }

    pub(crate) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        let at = |percent: usize| {
            let index = (times.len().saturating_sub(1) * percent).div_ceil(100);
            times.get(index).copied().unwrap_or_default()
        };
        Self {
            median: at(50),
            p99: at(99),
            longest: at(100),
        }
    }
}

/// What was counted over all timed issuances.
pub(crate) struct Totals<'a> {
    pub(crate) issuances: usize,
    pub(crate) elapsed: Duration,
    pub(crate) requests: u64,
    pub(crate) cpu: &'a BTreeMap<String, Duration>,
    pub(crate) calls: &'a BTreeMap<String, u64>,
    /// Issuances that `calls` are of.
    pub(crate) counted: usize,
}

pub(crate) fn print_steps<'a>(
    steps: impl Iterator<Item = (&'a str, Statistics)>,
    detection: Statistics,
) {
    println!("| step | p50 ms | p99 ms |\n|---|---:|---:|");
    let detection = ("first question to `issue_completed`", detection);
    for (step, times) in steps.chain([detection]) {
        println!(
            "| {step} | {:.1} | {:.1} |",
            ms(times.median),
            ms(times.p99)
        );
    }
}

pub(crate) fn print_totals(totals: &Totals<'_>) {
    let issuances = totals.issuances.max(1) as f64;
    println!("\n| an issuance | |\n|---|---:|");
    println!(
        "| issuances/s | {:.0} |",
        issuances / totals.elapsed.as_secs_f64()
    );
    println!(
        "| HTTP requests | {:.1} |",
        totals.requests as f64 / issuances
    );
    let cpu: Duration = totals.cpu.values().sum();
    println!("| CPU of the functions, ms | {:.2} |", ms(cpu) / issuances);
    for (function, cpu) in totals.cpu {
        println!("| – {function} | {:.2} |", ms(*cpu) / issuances);
    }
    let counted = totals.counted.max(1) as f64;
    let calls: u64 = totals.calls.values().sum();
    println!(
        "| AWS calls (8 requests, one poll) | {:.1} |",
        calls as f64 / counted
    );
    for (operation, count) in totals.calls {
        println!("| – {operation} | {:.1} |", *count as f64 / counted);
    }
}

pub(crate) fn print_cold_starts(cold_starts: &[ColdStart]) {
    println!("\n| cold start, spawn to first answer | wall p50 ms | CPU p50 ms | CPU p99 ms |");
    println!("|---|---:|---:|---:|");
    for ColdStart {
        function,
        wall,
        cpu,
    } in cold_starts
    {
        println!(
            "| {function} | {:.1} | {:.1} | {:.1} |",
            ms(wall.median),
            ms(cpu.median),
            ms(cpu.p99)
        );
    }
}

pub(crate) fn print_polls(followed: &[(&str, &Followed)]) {
    println!(
        "| nobody asks | issuances | polls each, mean | most | from credential request to record: p50 ms | p99 ms | longest ms |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (how, followed) in followed {
        let mean = followed.polls as f64 / followed.issuances.max(1) as f64;
        println!(
            "| {how} | {} | {mean:.2} | {} | {:.0} | {:.0} | {:.0} |",
            followed.issuances,
            followed.most_polls,
            ms(followed.detection.median),
            ms(followed.detection.p99),
            ms(followed.detection.longest)
        );
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_99th_percentile_are_of_the_sorted_times() {
        let times = (1..=101).rev().map(Duration::from_millis);
        let expected = Statistics {
            median: Duration::from_millis(51),
            p99: Duration::from_millis(100),
            longest: Duration::from_millis(101),
        };
        assert_eq!(Statistics::of(times), expected);
        let none = Statistics {
            median: Duration::ZERO,
            p99: Duration::ZERO,
            longest: Duration::ZERO,
        };
        assert_eq!(Statistics::of([]), none);
    }
}
