//! When the wallet is asked again.

use std::time::Duration;

use jiff::Timestamp;

/// The longest delay that a queue message can carry (SQS `DelaySeconds`).
pub const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// How long after an offer's end the wallet may still complete it. A code that is redeemed in the last second gives an
/// access token that lives at most 300 seconds, and a credential request in the last second of those may be under way
/// for another minute. An end that is reported earlier could be contradicted by that request.
pub const GRACE: Duration = Duration::from_secs(300 + 60);

/// The longest part by which a delay is stretched, so that issuances that were started together are not polled
/// together. Delays are never shortened, so jitter never adds a poll.
const JITTER: f64 = 0.2;

/// The delay after the first failure of a wallet.
const FIRST_BACK_OFF: Duration = Duration::from_secs(5);

/// Up to which age of an issuance which delay leads to the next poll; [`LONGEST_DELAY`] beyond. Fast at first, because
/// a customer at the screen takes the credential at once.
///
/// With the poll that decides about expiry, at the offer's end and [`GRACE`], an offer of 15 minutes that nobody takes
/// is polled at most 14 times: after 10, 20, 30, 60, 90 seconds; 2, 4, 6, 8, 10, 13, 16, 19, 21 minutes.
///
/// Where the wallet calls back each delay is the longest: these polls only find out that an offer has expired, or that
/// a callback was lost.
const DELAYS: [(Duration, Duration); 4] = [
    (Duration::from_secs(30), Duration::from_secs(10)),
    (Duration::from_mins(2), Duration::from_secs(30)),
    (Duration::from_mins(10), Duration::from_mins(2)),
    (Duration::from_hours(1), Duration::from_mins(3)),
];

/// The times at which one issuance is polled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollSchedule {
    pub(crate) started_at: Timestamp,
    /// When the offer can no longer be taken.
    pub(crate) offer_expires_at: Timestamp,
    pub(crate) wallet_calls_back: bool,
}

impl PollSchedule {
    /// The delay from `now` to the next poll: at most [`LONGEST_DELAY`], and not beyond the deadline. `jitter` is drawn
    /// from `0.0..1.0`.
    pub(crate) fn delay(&self, now: Timestamp, jitter: f64) -> Duration {
        let delay = DELAYS
            .into_iter()
            .filter(|_| !self.wallet_calls_back)
            .find_map(|(age, delay)| (now < self.started_at + age).then_some(delay))
            .unwrap_or(LONGEST_DELAY);
        let delay = stretch(delay, jitter);
        match Duration::try_from(self.deadline().duration_since(now)) {
            Ok(remaining) if !remaining.is_zero() => delay.min(remaining),
            _ => delay,
        }
    }

    /// The last moment at which a pending issuance may still complete: from then on it has expired.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.offer_expires_at + GRACE
    }
}

/// The delay after a wallet's `failures`-th failure in a row: 5 seconds, doubled each time and stretched by `jitter`
/// (`0.0..1.0`), or what the wallet asked for if that is longer. At most [`LONGEST_DELAY`].
pub fn back_off(failures: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let doubled = FIRST_BACK_OFF.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    stretch(doubled.min(LONGEST_DELAY), jitter)
        .max(retry_after.unwrap_or_default())
        .min(LONGEST_DELAY)
}

fn stretch(delay: Duration, jitter: f64) -> Duration {
    let stretched = delay.mul_f64(1.0 + JITTER * jitter.clamp(0.0, 1.0));
    stretched.min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFER: PollSchedule = PollSchedule {
        started_at: Timestamp::constant(1_000, 0),
        offer_expires_at: Timestamp::constant(1_900, 0),
        wallet_calls_back: false,
    };
    const CALLED_BACK: PollSchedule = PollSchedule {
        wallet_calls_back: true,
        ..OFFER
    };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The ages, in seconds, at which an issuance is polled that nobody completes.
    fn polls(schedule: PollSchedule, mut jitter: impl FnMut() -> f64) -> Vec<f64> {
        let mut now = schedule.started_at;
        let mut ages = Vec::new();
        while now < schedule.deadline() {
            now += schedule.delay(now, jitter());
            ages.push(now.duration_since(schedule.started_at).as_secs_f64());
        }
        ages
    }

    #[test]
    fn an_offer_of_15_minutes_is_polled_as_the_table_says() {
        assert_eq!(
            polls(OFFER, || 0.0),
            [
                10, 20, 30, 60, 90, 120, 240, 360, 480, 600, 780, 960, 1140, 1260
            ]
            .map(f64::from)
        );
    }

    #[test]
    fn where_the_wallet_calls_back_the_schedule_comes_late() {
        assert_eq!(polls(CALLED_BACK, || 0.0), [900.0, 1260.0]);
    }

    #[test]
    fn the_wallets_retry_after_is_honoured_within_limits() {
        assert_eq!(back_off(1, None, 0.0), seconds(5));
        assert_eq!(back_off(3, None, 0.0), seconds(20));
        assert_eq!(back_off(1, Some(seconds(60)), 0.5), seconds(60));
        assert_eq!(back_off(4, Some(seconds(1)), 0.0), seconds(40));
        assert_eq!(back_off(1, Some(seconds(86_400)), 0.0), LONGEST_DELAY);
        assert_eq!(back_off(u32::MAX, None, 1.0), LONGEST_DELAY);
    }

    proptest! {
        #[test]
        fn jitter_never_adds_a_poll(jitters in prop::collection::vec(0.0..1.0, 1..40)) {
            let mut jitters = jitters.into_iter().cycle();
            let ages = polls(OFFER, || jitters.next().unwrap_or_default());
            prop_assert!(ages.len() <= 14, "{ages:?}");
            prop_assert_eq!(ages.last(), Some(&1260.0), "the last poll decides about expiry");
        }

        #[test]
        fn a_delay_fits_into_a_message(
            started_at in 0..2_000_000_000_i64,
            life in 0..10_000_000_i64,
            age in -1_000..20_000_000_i64,
            jitter in any::<f64>(),
            wallet_calls_back in any::<bool>(),
        ) {
            let at = |second| Timestamp::from_second(second).unwrap();
            let (now, started_at, offer_expires_at) =
                (at(started_at + age), at(started_at), at(started_at + life));
            let schedule = PollSchedule { started_at, offer_expires_at, wallet_calls_back };
            let delay = schedule.delay(now, jitter);
            prop_assert!((seconds(1)..=LONGEST_DELAY).contains(&delay));
            let deadline = schedule.deadline() == now + delay;
            prop_assert!(!wallet_calls_back || delay == LONGEST_DELAY || deadline);
        }
    }
}
