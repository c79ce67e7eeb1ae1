//! When something is read, and what is answered when it cannot be.

use super::*;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

const TIMES: Times = Times {
    kept_for: Duration::from_secs(30),
    pause: Duration::from_secs(2),
    pause_after_failure: Duration::from_secs(1),
    stale_for: Duration::from_secs(300),
    timeout: Duration::from_secs(2),
};

/// A source of words that counts its reads, and a clock that is set by hand.
#[derive(Clone, Default)]
struct World(Arc<Inner>);

#[derive(Default)]
struct Inner {
    now_ms: AtomicI64,
    reads: AtomicUsize,
    words: std::sync::Mutex<Option<Vec<&'static str>>>,
}

impl Source for World {
    type All = Vec<&'static str>;
    type FieldError = &'static str;
    const NAME: &'static str = "the words";

    async fn read(&self) -> Result<Self::All, Self::FieldError> {
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.0.words.lock().unwrap().clone().ok_or("an outage")
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.now_ms.load(Ordering::SeqCst)).unwrap()
    }
}

impl World {
    fn cache(&self, words: &[&'static str]) -> Cache<Self, Self> {
        self.set(Some(words));
        Cache::new(self.clone(), self.clone(), TIMES)
    }

    fn set(&self, words: Option<&[&'static str]>) {
        *self.0.words.lock().unwrap() = words.map(<[_]>::to_vec);
    }

    fn pass(&self, ms: i64) {
        self.0.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    fn reads(&self) -> usize {
        self.0.reads.load(Ordering::SeqCst)
    }
}

async fn ask(cache: &Cache<World, World>, word: &str) -> &'static str {
    let looked_up = cache.find(|words| words.iter().find(|one| **one == word).copied());
    match looked_up.await {
        Ok(Some(found)) => {
            assert_eq!(found, word);
            "found"
        }
        Ok(None) => "absent",
        Err(Unavailable) => "unavailable",
    }
}

#[tokio::test]
async fn what_is_known_is_read_once_in_half_a_minute() {
    let world = World::default();
    let cache = world.cache(&["first", "second"]);
    for _ in 0..100 {
        assert_eq!(ask(&cache, "first").await, "found");
        assert_eq!(ask(&cache, "second").await, "found");
        world.pass(290);
    }
    assert_eq!(world.reads(), 1);
    world.pass(1_000);
    assert_eq!(ask(&cache, "first").await, "found");
    assert_eq!(world.reads(), 2);
}

#[tokio::test]
async fn what_is_not_there_costs_a_read_in_two_seconds_and_is_found_when_it_is() {
    let world = World::default();
    let cache = world.cache(&["first"]);
    for _ in 0..1_000 {
        assert_eq!(ask(&cache, "wrong").await, "absent");
        world.pass(10);
    }
    assert!((5..=6).contains(&world.reads()), "{}", world.reads());
    world.set(Some(&["first", "new"]));
    world.pass(2_000);
    assert_eq!(ask(&cache, "new").await, "found");
}

#[tokio::test]
async fn who_waits_for_a_read_shares_it() {
    let world = World::default();
    let cache = world.cache(&["first"]);
    let asked = (0..50).map(|_| ask(&cache, "first"));
    for answer in futures::future::join_all(asked).await {
        assert_eq!(answer, "found");
    }
    assert_eq!(world.reads(), 1);
}

#[tokio::test]
async fn what_was_taken_away_is_gone_after_half_a_minute() {
    let world = World::default();
    let cache = world.cache(&["first", "second"]);
    assert_eq!(ask(&cache, "first").await, "found");
    world.set(Some(&["second"]));
    world.pass(29_999);
    assert_eq!(ask(&cache, "first").await, "found");
    world.pass(1);
    assert_eq!(ask(&cache, "first").await, "absent");
}

#[tokio::test]
async fn in_an_outage_what_is_known_stays_so_for_a_while_and_nothing_else_is_said() {
    let world = World::default();
    let cache = world.cache(&["first"]);
    assert_eq!(ask(&cache, "first").await, "found");
    world.set(None);
    world.pass(60_000);
    assert_eq!(ask(&cache, "first").await, "found");
    assert_eq!(ask(&cache, "wrong").await, "unavailable");
    let reads = world.reads();
    for _ in 0..10 {
        assert_eq!(ask(&cache, "first").await, "found");
        assert_eq!(ask(&cache, "wrong").await, "unavailable");
    }
    assert_eq!(
        world.reads(),
        reads,
        "what fails is left alone for a moment"
    );
    world.pass(300_000);
    assert_eq!(ask(&cache, "first").await, "unavailable");
    world.set(Some(&["first"]));
    world.pass(1_000);
    assert_eq!(ask(&cache, "first").await, "found");
    assert_eq!(ask(&cache, "wrong").await, "absent");
}

#[tokio::test]
async fn before_the_first_read_nothing_is_said_either_way() {
    let world = World::default();
    let cache = world.cache(&[]);
    world.set(None);
    cache.warm().await;
    assert_eq!(ask(&cache, "first").await, "unavailable");
    assert_eq!(world.reads(), 1);
}

#[tokio::test]
async fn a_clock_that_went_back_makes_everything_old() {
    let world = World::default();
    let cache = world.cache(&["first"]);
    world.pass(100_000);
    assert_eq!(ask(&cache, "first").await, "found");
    world.set(Some(&[]));
    world.pass(-50_000);
    assert_eq!(ask(&cache, "first").await, "absent");
}
