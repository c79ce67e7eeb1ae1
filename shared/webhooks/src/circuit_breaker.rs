//! Hosts that let posts run into their time-out, so that none of them holds up the deliveries to others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// For how long after a time-out a host counts as hanging.
const HANGS_FOR: Duration = Duration::from_secs(60);

/// The hosts that hang, as far as this process knows. While one does, it gets one post at a time, to find out whether
/// it still does.
#[derive(Debug, Default)]
pub struct CircuitBreaker {
    hosts: Mutex<HashMap<String, Hanging>>,
}

#[derive(Debug)]
struct Hanging {
    until: Timestamp,
    is_being_tried: bool,
}

impl CircuitBreaker {
    /// Whether a post to `host` may be made. What comes of it is to be told to this.
    pub(crate) fn admit(&self, host: &str, now: Timestamp) -> bool {
        let mut hosts = self.hosts();
        hosts.retain(|_, hanging| now < hanging.until);
        hosts
            .get_mut(host)
            .is_none_or(|hanging| !std::mem::replace(&mut hanging.is_being_tried, true))
    }

    /// A post to `host` ran into its time-out.
    pub(crate) fn timed_out(&self, host: &str, now: Timestamp) {
        let hanging = Hanging {
            until: now + HANGS_FOR,
            is_being_tried: false,
        };
        self.hosts().insert(host.to_owned(), hanging);
    }

    /// A post to `host` ended otherwise.
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

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn a_host_that_hangs_is_tried_once_at_a_time_until_it_answers() {
        let hosts = CircuitBreaker::default();
        assert!(hosts.admit("a", at(0)) && hosts.admit("a", at(0)));
        hosts.timed_out("a", at(20_000));
        assert!(hosts.admit("a", at(20_000)));
        assert!(!hosts.admit("a", at(20_000)), "one is being tried");
        assert!(hosts.admit("b", at(20_000)), "another host");
        hosts.timed_out("a", at(40_000));
        assert!(hosts.admit("a", at(40_000)));
        assert!(!hosts.admit("a", at(40_000)));
        hosts.answered("a");
        assert!(hosts.admit("a", at(40_001)) && hosts.admit("a", at(40_001)));
    }

    #[test]
    fn a_time_out_is_forgotten_after_a_minute_whatever_became_of_the_try() {
        let hosts = CircuitBreaker::default();
        hosts.timed_out("a", at(0));
        assert!(hosts.admit("a", at(0)));
        assert!(!hosts.admit("a", at(59_999)));
        assert!(hosts.admit("a", at(60_000)));
    }
}
