//! The figures as Markdown tables, for the README.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use bestow_local::Stack;
use jiff::Timestamp;

use crate::cold_starts::ColdStart;
use crate::floor::Floor;
use crate::prices::{self, Cost, Traffic};
use crate::usage::{Quantity, Usage};

const MILLION: f64 = 1e6;

/// Median and 99th percentile of a number of times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Statistics {
    median: Duration,
    p99: Duration,
}

impl Statistics {
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
        }
    }
}

/// What an issuance costs, alone and under load with so many wallets.
pub(crate) fn print_cost(
    stack: &Stack,
    idle: &BTreeMap<String, Usage>,
    alone: &Usage,
    wallets: usize,
    under_load: &Usage,
    floor: &Floor,
) {
    println!("{}\n", conditions());
    let head = |what: &str| println!("\n| {what} | alone | {wallets} at once |\n|---|---:|---:|");
    let row = |name: &str, of: &dyn Fn(&Usage, Traffic) -> f64| {
        let alone = of(alone, Traffic::Alone);
        let under_load = of(under_load, Traffic::Load);
        println!("| {name} | {alone:.2} | {under_load:.2} |");
    };
    let rows_of = |quantity: Quantity| {
        let both = alone.of(quantity).chain(under_load.of(quantity));
        let names: BTreeSet<&str> = both.map(|(name, _)| name).collect();
        for name in names {
            row(&format!("– {name}"), &|usage, _| {
                let named = usage.of(quantity).filter(|(one, _)| *one == name);
                named.map(|(_, amount)| amount).sum()
            });
        }
    };
    head("an issuance, with a notification and one query");
    for (quantity, name) in [
        (Quantity::HttpRequests, "requests through API Gateway"),
        (Quantity::Invocations, "invocations"),
        (Quantity::AwsCalls, "AWS calls"),
        (Quantity::WriteUnits, "DynamoDB write units"),
        (Quantity::ReadUnits, "DynamoDB read units"),
        (Quantity::SqsRequests, "SQS requests, Lambda's own included"),
        (Quantity::Events, "EventBridge events"),
        (Quantity::LogBytes, "bytes logged"),
        (
            Quantity::DetectionMs,
            "from the credential request to `issue_completed`, ms",
        ),
        (Quantity::CpuMs, "CPU of the functions, ms"),
    ] {
        row(name, &|usage, _| usage.total(quantity));
    }
    let least = "the floor: as many empty invocations and bare signed calls, ms";
    row(least, &|usage, _| floor.of(usage));
    row("CPU, times the floor", &|usage, _| {
        usage.total(Quantity::CpuMs) / floor.of(usage)
    });
    let usd = |usage: &Usage, traffic, is_counted: &dyn Fn(&Cost) -> bool| -> f64 {
        let costs = prices::of_an_issuance(usage, stack, traffic).into_iter();
        let costs = costs.filter(is_counted);
        costs.map(|cost| cost.usd * MILLION).sum()
    };
    row("USD per million, key in KMS", &|usage, traffic| {
        usd(usage, traffic, &|_| true)
    });
    row("USD per million, key in a secret", &|usage, traffic| {
        usd(usage, traffic, &|cost| !prices::is_kms(cost))
    });

    for (quantity, what) in [
        (Quantity::Invocations, "invocations"),
        (Quantity::AwsCalls, "AWS calls"),
        (Quantity::WriteUnits, "DynamoDB write units"),
        (Quantity::ReadUnits, "DynamoDB read units"),
        (Quantity::SqsRequests, "SQS requests"),
        (Quantity::LogBytes, "bytes logged"),
        (Quantity::CpuMs, "CPU, ms"),
    ] {
        head(what);
        rows_of(quantity);
    }
    head("USD per million");
    for cost in prices::of_an_issuance(alone, stack, Traffic::Alone) {
        row(cost.part, &|usage, traffic| {
            usd(usage, traffic, &|other| other.part == cost.part)
        });
    }
    println!("\n| idle, a month | | USD |\n|---|---:|---:|");
    let idle = prices::idle(idle, stack);
    for cost in &idle {
        println!(
            "| {} | {:.0} {} | {:.2} |",
            cost.part, cost.amount, cost.unit, cost.usd
        );
    }
    let idle: f64 = idle.iter().map(|cost| cost.usd).sum();
    println!("| all | | {idle:.2} |");
    let (invocation, call) = (floor.invocation_ms * 1_000.0, floor.call_ms * 1_000.0);
    println!(
        "\nThe floor: {invocation:.0} µs for an empty invocation, {call:.0} µs for a bare signed call."
    );
}

pub(crate) fn print_steps<'a>(
    wallets: usize,
    steps: impl Iterator<Item = (&'a str, Statistics)>,
    issuances: usize,
    elapsed: Duration,
) {
    println!("\n| step, {wallets} at once | p50 ms | p99 ms |\n|---|---:|---:|");
    for (step, times) in steps {
        let (median, p99) = (ms(times.median), ms(times.p99));
        println!("| {step} | {median:.1} | {p99:.1} |");
    }
    let each_second = issuances as f64 / elapsed.as_secs_f64();
    println!("| issuances a second | {each_second:.0} | |");
}

/// The commit, the day, the machine and the build.
fn conditions() -> String {
    let commit = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output();
    let commit = commit
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    format!(
        "Commit {}, {}, {} × {}, {build} build",
        commit.as_deref().map_or("unknown", str::trim),
        Timestamp::now().strftime("%Y-%m-%d"),
        std::thread::available_parallelism().map_or(1, usize::from),
        cpu.map_or("unknown", |(_, name)| name),
    )
}

pub(crate) fn print_cold_starts(cold_starts: impl Iterator<Item = ColdStart>) {
    println!("| cold start, spawn to first answer | wall p50 ms | CPU p50 ms | CPU p99 ms |");
    println!("|---|---:|---:|---:|");
    for cold_start in cold_starts {
        let (function, cpu) = (cold_start.function, cold_start.cpu);
        let (wall, median, p99) = (ms(cold_start.wall.median), ms(cpu.median), ms(cpu.p99));
        println!("| {function} | {wall:.1} | {median:.1} | {p99:.1} |");
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
        };
        assert_eq!(Statistics::of(times), expected);
        let none = Statistics {
            median: Duration::ZERO,
            p99: Duration::ZERO,
        };
        assert_eq!(Statistics::of([]), none);
    }
}
