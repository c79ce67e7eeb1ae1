//! Many processes, one limit.

use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The table, counting its writes.
#[derive(Clone, Default)]
struct World(Arc<Inner>);

#[derive(Default)]
struct Inner {
    taken: Mutex<HashMap<(String, Timestamp), u32>>,
    writes: AtomicUsize,
    is_away: std::sync::atomic::AtomicBool,
}

impl Windows for World {
    async fn lease(&self, caller: &str, window: &Window, part: u32) -> Result<Lease, CallError> {
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        if self.0.is_away.load(Ordering::SeqCst) {
            return Err(CallError::unexpected("an outage"));
        }
        let mut all = self.0.taken.lock().unwrap();
        let taken = all
            .entry((caller.to_owned(), window.begins_at))
            .or_default();
        let is_given = *taken + part <= window.allowance;
        if is_given {
            *taken += part;
        }
        Ok(Lease {
            is_given,
            taken: *taken,
        })
    }
}

impl World {
    fn processes(&self, count: usize) -> Vec<Limiter<Self>> {
        (0..count).map(|_| Limiter::new(self.clone())).collect()
    }

    fn writes(&self) -> usize {
        self.0.writes.load(Ordering::SeqCst)
    }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

fn limit(text: &str) -> RateLimit {
    text.parse().unwrap()
}

#[tokio::test]
async fn one_process_gets_the_whole_allowance_and_no_more() {
    let world = World::default();
    let process = world.processes(1).remove(0);
    for _ in 0..500 {
        assert_eq!(
            process.spend("key:a", limit("50/s"), at(7_001)).await,
            Ok(())
        );
    }
    let over = Err(Over::Limit {
        retry_after_seconds: 3,
    });
    let writes = world.writes();
    for _ in 0..100 {
        assert_eq!(process.spend("key:a", limit("50/s"), at(7_001)).await, over);
    }
    assert!(
        world.writes() <= writes + 1,
        "who is over the limit costs no writes"
    );
    assert!(writes < 100, "{writes}");
    assert_eq!(
        process.spend("key:b", limit("50/s"), at(7_001)).await,
        Ok(())
    );
    assert_eq!(
        process.spend("key:a", limit("50/s"), at(10_000)).await,
        Ok(())
    );
}

#[tokio::test]
async fn a_table_that_is_away_lets_nobody_through_uncounted() {
    let world = World::default();
    let process = world.processes(1).remove(0);
    world.0.is_away.store(true, Ordering::SeqCst);
    assert_eq!(
        process.spend("key:a", limit("50/s"), at(0)).await,
        Err(Over::Unknown)
    );
    world.0.is_away.store(false, Ordering::SeqCst);
    assert_eq!(process.spend("key:a", limit("50/s"), at(0)).await, Ok(()));
    world.0.is_away.store(true, Ordering::SeqCst);
    assert_eq!(
        process.spend("key:a", limit("50/s"), at(0)).await,
        Ok(()),
        "what was leased is good"
    );
}

#[tokio::test]
async fn callers_of_the_past_are_forgotten() {
    let process = World::default().processes(1).remove(0);
    for number in 0..3_000 {
        let caller = format!("client:{number}");
        process
            .spend(&caller, limit("1/s"), at(number * 10_000))
            .await
            .unwrap();
    }
    assert!(process.leased.lock().unwrap().len() <= MANY_CALLERS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However requests fall on processes: never more than the allowance, and nearly all of it.
    #[test]
    fn the_limit_holds_across_processes(
        requests in 1u32..400,
        processes in 1usize..8,
        spread in proptest::collection::vec(0usize..8, 1_000..2_000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let world = World::default();
            let all = world.processes(processes);
            let limit = limit(&format!("{requests}/m"));
            let mut passed = 0;
            for process in &spread {
                if all[process % processes].spend("key:a", limit, at(0)).await.is_ok() {
                    passed += 1;
                }
            }
            prop_assert!(passed <= requests);
            // What processes leased and did not spend.
            let stranded = u32::try_from(processes).unwrap() * (requests / LARGEST_PART).max(1);
            let wanted = u32::try_from(spread.len()).unwrap().min(requests);
            prop_assert!(passed + stranded >= wanted, "{passed} of {wanted}");
            Ok(())
        })?;
    }
}
