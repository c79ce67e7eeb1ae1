//! All cells: learnt from a run of each flow, then run side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::AssertUnwindSafe;

use futures::future::join_all;
use futures::{FutureExt, StreamExt, stream};

use crate::Broken;
use crate::call::Call;
use crate::fault::Fault;
use crate::flows::{Flow, Struck};
use crate::world::World;

/// Worlds at once. Most of them wait for something.
const AT_ONCE: usize = 8;
/// How often each flow runs without a fault, to learn its calls.
const LEARNING_RUNS: usize = 3;
/// How often a cell is tried whose call is not made: a call may depend on who is faster.
const TRIES: usize = 10;

/// How many of the same calls of one invocation are cells: one of many reads of an index is like another.
const REPEATS: usize = 2;

/// One fault at one call of one flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub flow: Flow,
    pub call: Call,
    pub fault: Fault,
}

/// By this name a cell can be run alone.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flow, call, fault } = self;
        write!(f, "{}: {call}: {}", flow.name(), fault.name())
    }
}

/// What came of each cell.
pub type Outcomes = BTreeMap<Cell, Result<(), Broken>>;

/// Runs each of the flows without a fault, some times, and gives all cells that `wanted` lets through. A call that
/// is made by chance, such as a second one for two messages that came together, is seldom in all of the runs, and
/// only then a cell. A flow that fails without a fault fails the matrix.
pub async fn learn(flows: &[Flow], wanted: impl Fn(&Cell) -> bool) -> Vec<Cell> {
    let mut cells = BTreeSet::new();
    for (&flow, calls) in flows.iter().zip(calls_of_each(flows).await) {
        let is_cell = |call: &&Call| call.nth <= REPEATS && flow.strikes(call);
        for call in calls.iter().filter(is_cell) {
            for fault in Fault::ALL.into_iter().filter(|fault| fault.fits(call)) {
                let cell = Cell {
                    flow,
                    call: call.clone(),
                    fault,
                };
                cells.insert(cell);
            }
        }
    }
    cells.into_iter().filter(wanted).collect()
}

/// The calls that each of the flows made in all learning runs.
async fn calls_of_each(flows: &[Flow]) -> Vec<Vec<Call>> {
    let run_all = || join_all(flows.iter().copied().map(calls_of));
    let mut made = run_all().await;
    for _ in 1..LEARNING_RUNS {
        for (calls, again) in made.iter_mut().zip(run_all().await) {
            calls.retain(|call| again.contains(call));
        }
    }
    made
}

/// The calls that a flow makes.
async fn calls_of(flow: Flow) -> Vec<Call> {
    let world = World::start(flow, None).await;
    let outcome = flow.run(&world, Struck(None)).await;
    let calls = world.proxy.calls();
    world.cloud.shutdown().await;
    outcome.unwrap_or_else(|broken| panic!("{}, without a fault: {broken}", flow.name()));
    calls
}

/// Runs all cells, and tells of each as it ends.
pub async fn run(cells: Vec<Cell>, tell: impl Fn(&Cell, &Result<(), Broken>)) -> Outcomes {
    let ended = stream::iter(cells).map(async |cell| {
        let outcome = AssertUnwindSafe(run_cell(&cell)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|_| Err(Broken::new("the harness", "it panicked")));
        (cell, outcome)
    });
    let mut ended = std::pin::pin!(ended.buffer_unordered(AT_ONCE));
    let mut outcomes = Outcomes::new();
    while let Some((cell, outcome)) = ended.next().await {
        tell(&cell, &outcome);
        outcomes.insert(cell, outcome);
    }
    outcomes
}

async fn run_cell(cell: &Cell) -> Result<(), Broken> {
    for _ in 0..TRIES {
        let world = World::start(cell.flow, Some((cell.call.clone(), cell.fault))).await;
        let struck = Struck(Some((&cell.call, cell.fault)));
        let outcome = cell.flow.run(&world, struck).await;
        let has_struck = world.proxy.has_struck();
        world.cloud.shutdown().await;
        if outcome.is_err() || has_struck {
            return outcome;
        }
    }
    Err(Broken::new(
        "every cell is hit",
        format!("the call was not made in {TRIES} runs"),
    ))
}
