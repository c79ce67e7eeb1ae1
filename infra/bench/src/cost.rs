//! What an issuance uses, alone and under load, in dollars, and beside the least CPU time that its invocations and calls
//! could take.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bestow_local::EventQuery;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Failure;
use crate::floor::Floor;
use crate::flow::{Clock, Parties, STEPS, Taken};
use crate::meter::Metered;
use crate::processes::{Processes, progress};
use crate::report::{self, Statistics};
use crate::usage::{Quantity, Usage};

/// When the backend asks: the customer is back.
const CUSTOMER_IS_BACK: Duration = Duration::from_secs(3);
/// Lone issuances, one after the other.
const LONE: usize = 5;
/// Issuances before anything is measured.
const WARM_UP: usize = 50;
/// What the proxy would disturb is measured without it.
const OF_THE_MACHINE: [Quantity; 3] = [Quantity::CpuMs, Quantity::LogBytes, Quantity::DetectionMs];

#[derive(Args)]
pub(crate) struct Cost {
    /// Issuances under load.
    #[arg(long, default_value_t = 500)]
    issuances: usize,
    /// Wallets at the same time.
    #[arg(long, default_value_t = 16)]
    wallets: usize,
    /// Wallets at the same time where the steps are timed.
    #[arg(long, default_value_t = 32)]
    timed_wallets: usize,
    #[command(flatten)]
    processes: Processes,
}

/// How long issuances took under load.
struct Timed {
    flows: Vec<Clock>,
    elapsed: Duration,
}

impl Cost {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let counted = Metered::start(self.processes.host()?, true).await?;
        let stack = counted.cloud.stack().clone();
        load(&counted, WARM_UP, self.wallets, "warming up").await?;
        let idle = scheduled(&counted).await?;
        let alone = alone(&counted, LONE).await?;
        let (under_load, _) = load(&counted, self.issuances, self.wallets, "counting").await?;
        counted.cloud.shutdown().await;

        let undisturbed = Metered::start(self.processes.host()?, false).await?;
        load(&undisturbed, WARM_UP, self.wallets, "warming up").await?;
        let (measured, _) = load(&undisturbed, self.issuances, self.wallets, "measuring").await?;
        let under_load = under_load.with(&OF_THE_MACHINE, &measured);
        let (_, timed) = load(&undisturbed, self.issuances, self.timed_wallets, "timing").await?;
        undisturbed.cloud.shutdown().await;
        let floor = Floor::measure(&self.processes, self.wallets).await?;

        report::print_cost(&stack, &idle, &alone, self.wallets, &under_load, &floor);
        let steps = STEPS.iter().enumerate().map(|(index, step)| {
            let times = timed.flows.iter();
            let times = times.filter_map(|flow| flow.steps.get(index).copied());
            (*step, Statistics::of(times))
        });
        report::print_steps(self.timed_wallets, steps, timed.flows.len(), timed.elapsed);
        Ok(())
    }
}

/// What one issuance uses that is alone.
async fn alone(metered: &Metered, issuances: usize) -> Result<Usage, Failure> {
    let cloud = &metered.cloud;
    let parties = Parties::new(cloud.base_url(), cloud.api_key())?;
    let progress = progress(issuances, "alone");
    let before = metered.so_far()?;
    let mut finished = Vec::with_capacity(issuances);
    for _ in 0..issuances {
        let mut clock = Clock::default();
        let taken = parties.issue(&mut clock).await?;
        tokio::time::sleep(CUSTOMER_IS_BACK).await;
        metered.settle().await?;
        parties.query(&taken, &mut clock).await?;
        metered.settle_delayed().await?;
        finished.push((taken, clock));
        progress.inc(1);
    }
    progress.finish_and_clear();
    used(metered, &before, &finished)
}

/// What one of many issuances uses. Messages that are delayed come together in the end.
async fn load(
    metered: &Metered,
    issuances: usize,
    wallets: usize,
    what: &'static str,
) -> Result<(Usage, Timed), Failure> {
    let cloud = &metered.cloud;
    let progress = progress(issuances, what);
    let parties = Arc::new(Parties::new(cloud.base_url(), cloud.api_key())?);
    let at_once = Arc::new(Semaphore::new(wallets));
    let before = metered.so_far()?;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..issuances {
        let (parties, at_once) = (Arc::clone(&parties), Arc::clone(&at_once));
        running.spawn(async move {
            let mut clock = Clock::default();
            let permit = at_once.acquire_owned().await?;
            let taken = parties.issue(&mut clock).await?;
            drop(permit);
            let taken_after = began.elapsed();
            tokio::time::sleep(CUSTOMER_IS_BACK).await;
            parties.query(&taken, &mut clock).await?;
            Ok::<_, Failure>((taken, clock, taken_after))
        });
    }
    let (mut finished, mut elapsed) = (Vec::with_capacity(issuances), Duration::ZERO);
    while let Some(one) = running.join_next().await {
        let (taken, clock, taken_after) = one??;
        elapsed = elapsed.max(taken_after);
        finished.push((taken, clock));
        progress.inc(1);
    }
    metered.settle_delayed().await?;
    progress.finish_and_clear();
    let usage = used(metered, &before, &finished)?;
    let flows = finished.into_iter().map(|(_, clock)| clock).collect();
    Ok((usage, Timed { flows, elapsed }))
}

/// What each of the `finished` issuances has used since `before`.
fn used(metered: &Metered, before: &Usage, finished: &[(Taken, Clock)]) -> Result<Usage, Failure> {
    let mut usage = metered.so_far()?;
    for (taken, clock) in finished {
        usage.add(Quantity::EgressBytes, "answers", clock.bytes as f64);
        let completed = EventQuery {
            correlation_id: Some(taken.correlation_id.clone()),
            event_type: Some("com.bestow.issue.completed.v1".to_owned()),
            after: None,
        };
        for one in metered.cloud.published(&completed) {
            let time = one.event.get("time").and_then(Value::as_str);
            let time: Timestamp = time.ok_or("an event has a time")?.parse()?;
            let ms = time.duration_since(taken.asked_at).as_secs_f64() * 1_000.0;
            usage.add(Quantity::DetectionMs, "issue_completed", ms);
        }
    }
    Ok(usage.since(before, finished.len()))
}

/// What one run of each schedule's function uses where there is nothing to do, by its logical id.
async fn scheduled(metered: &Metered) -> Result<BTreeMap<String, Usage>, Failure> {
    let mut runs = BTreeMap::new();
    let stack = metered.cloud.stack();
    for schedule in &stack.schedules {
        let functions = stack.functions.iter();
        let mut named = functions.filter(|one| one.logical_id == schedule.function);
        let Some(function) = named.next() else {
            continue;
        };
        let before = metered.so_far()?;
        metered.cloud.invoke(&function.binary, json!({})).await?;
        let mut usage = metered.so_far()?;
        usage.add(Quantity::Invocations, &function.binary, 1.0);
        runs.insert(schedule.function.clone(), usage.since(&before, 1));
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bestow_local::FunctionHost;

    /// The most that an issuance may use alone and under load, with a notification and one query, and with all that
    /// follows from it. To be lowered whenever one uses less.
    const MOST: [(Quantity, f64, f64); 8] = [
        (Quantity::HttpRequests, 9.0, 9.0),
        (Quantity::Invocations, 13.0, 10.0),
        (Quantity::AwsCalls, 17.0, 13.0),
        (Quantity::WriteUnits, 16.0, 17.0),
        (Quantity::ReadUnits, 5.5, 7.0),
        (Quantity::SqsRequests, 3.0, 2.0),
        (Quantity::Events, 2.0, 2.5),
        (Quantity::EgressBytes, 9_000.0, 9_000.0),
    ];
    /// A busy machine takes the steps of a customer apart, so that they are recorded one by one.
    const TRIES: usize = 3;

    #[tokio::test(flavor = "multi_thread")]
    async fn an_issuance_uses_no_more_than_it_did() {
        let metered = Metered::start(FunctionHost::InProcess, true).await.unwrap();
        load(&metered, 4, 4, "warming up").await.unwrap();
        let mut over = Vec::new();
        for _ in 0..TRIES {
            let alone = alone(&metered, 2).await.unwrap();
            let (under_load, _) = load(&metered, 64, 16, "under load").await.unwrap();
            over = over_most(&alone, &under_load);
            if over.is_empty() {
                break;
            }
            over.push(format!("{alone:#?} {under_load:#?}"));
        }
        metered.cloud.shutdown().await;
        assert!(over.is_empty(), "{}", over.join("; "));
    }

    fn over_most(alone: &Usage, under_load: &Usage) -> Vec<String> {
        let mut over = Vec::new();
        for (quantity, most_alone, most_under_load) in MOST {
            for (used, most) in [
                (alone.total(quantity), most_alone),
                (under_load.total(quantity), most_under_load),
            ] {
                assert!(used > 0.0, "{quantity:?} are not counted");
                if used > most {
                    over.push(format!("{used} {quantity:?}, not {most}"));
                }
            }
        }
        over
    }
}
