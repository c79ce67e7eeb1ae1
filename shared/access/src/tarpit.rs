//! The delay that a wrong key costs whoever sends it.
//!
//! Who tries one key after the other is held up a little longer each time. It is bounded on both sides: no
//! request is held for more than a second, since on Lambda it keeps a process busy that is paid for, and no
//! more than a few at once, since those must not take the room of callers with a key. Who sends more at once
//! is told to come again later. What holds a flood is the throttle of the API (`infra/access.md`).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

/// The first delay; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(250);
/// How often it doubles: to a second.
const DOUBLINGS: u32 = 2;
/// After this time without a wrong key the first delay is the next.
const FORGIVEN_MS: i64 = 60_000;
/// How many requests are held at once.
const HELD_AT_ONCE: usize = 16;

pub(crate) struct Tarpit {
    strikes: Mutex<Strikes>,
    room: Semaphore,
}

#[derive(Default)]
struct Strikes {
    count: u32,
    last_ms: i64,
}

/// So many are held that no more are taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Tarpit {
    pub(crate) fn new() -> Self {
        Self {
            strikes: Mutex::default(),
            room: Semaphore::new(HELD_AT_ONCE),
        }
    }

    /// Holds the sender of a wrong key up.
    pub(crate) async fn hold(&self, now_ms: i64) -> Result<(), Full> {
        let _place = self.room.try_acquire().map_err(|_| Full)?;
        tokio::time::sleep(self.next_delay(now_ms)).await;
        Ok(())
    }

    fn next_delay(&self, now_ms: i64) -> Duration {
        let mut strikes = self.strikes.lock().unwrap_or_else(PoisonError::into_inner);
        if !(0..FORGIVEN_MS).contains(&(now_ms - strikes.last_ms)) {
            strikes.count = 0;
        }
        let delay = FIRST * 2u32.pow(strikes.count);
        strikes.count = DOUBLINGS.min(strikes.count + 1);
        strikes.last_ms = now_ms;
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_to_a_second_and_is_forgiven() {
        let tarpit = Tarpit::new();
        let delays = [0, 1, 2, 3, 60_002, 120_002, 60_000]
            .map(|now_ms| tarpit.next_delay(now_ms).as_millis());
        assert_eq!(delays, [250, 500, 1_000, 1_000, 1_000, 250, 250]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_held_than_there_is_room_for() {
        let tarpit = Tarpit::new();
        let all = (0..20).map(|_| tarpit.hold(0));
        let held = futures::future::join_all(all).await;
        assert_eq!(
            held.iter().filter(|held| held.is_ok()).count(),
            HELD_AT_ONCE
        );
        assert_eq!(tarpit.hold(0).await, Ok(()));
    }
}
