//! Hosts that let posts run into their time-out, so that one of them does not hold up the deliveries to all others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// For how long after a time-out a host counts as hanging, in milliseconds.
const HANGS_MS: i64 = 60_000;

/// The hosts that hang, as far as this process knows. While one does, one post at a time finds out whether it still
/// does; no other is made to it.
#[derive(Debug, Default)]
pub struct CircuitBreaker {
    hosts: Mutex<HashMap<String, Hanging>>,
}

#[derive(Debug)]
struct Hanging {
    until_ms: i64,
    is_being_tried: bool,
}

impl CircuitBreaker {
    /// Whether a post to `host` may be made at `now_ms`. What comes of it is to be told to this.
    pub(crate) fn admit(&self, host: &str, now_ms: i64) -> bool {
        let mut hosts = self.hosts();
        hosts.retain(|_, hanging| now_ms < hanging.until_ms);
        hosts
            .get_mut(host)
            .is_none_or(|hanging| !std::mem::replace(&mut hanging.is_being_tried, true))
    }

    /// A post to `host` had no answer in time.
    pub(crate) fn timed_out(&self, host: &str, now_ms: i64) {
        let hanging = Hanging {
            until_ms: now_ms.saturating_add(HANGS_MS),
            is_being_tried: false,
        };
        self.hosts().insert(host.to_owned(), hanging);
    }

    /// Something came of a post to `host`.
    pub(crate) fn answered(&self, host: &str) {
        self.hosts().remove(host);
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Hanging>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_hangs_is_tried_once_at_a_time_until_it_answers() {
        let hosts = CircuitBreaker::default();
        assert!(hosts.admit("a", 0) && hosts.admit("a", 0));
        hosts.timed_out("a", 20_000);
        assert!(hosts.admit("a", 20_000));
        assert!(!hosts.admit("a", 20_000), "one is being tried");
        assert!(hosts.admit("b", 20_000), "another host");
        hosts.timed_out("a", 40_000);
        assert!(hosts.admit("a", 40_000));
        assert!(!hosts.admit("a", 40_000));
        hosts.answered("a");
        assert!(hosts.admit("a", 40_001) && hosts.admit("a", 40_001));
    }

    #[test]
    fn a_time_out_is_forgotten_after_a_minute_whatever_became_of_the_try() {
        let hosts = CircuitBreaker::default();
        hosts.timed_out("a", 0);
        assert!(hosts.admit("a", 0));
        assert!(!hosts.admit("a", HANGS_MS - 1));
        assert!(hosts.admit("a", HANGS_MS));
    }
}
