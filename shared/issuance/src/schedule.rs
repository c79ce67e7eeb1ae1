//! When the wallet is asked again.

/// The longest delay that a queue message can carry (SQS `DelaySeconds`).
pub const LONGEST_DELAY_SECONDS: u32 = 900;

/// How long after an offer's expiry the wallet may still complete it. A code that is redeemed in the
/// last second gives an access token that lives at most 300 seconds; and a credential request that comes
/// in the last second of those may be under way for another minute, for which the bundled wallet says that
/// the issuance is pending. A backend must not be told of an end that such a request then contradicts.
pub const GRACE_SECONDS: i64 = 300 + 60;

/// The longest part by which a delay is stretched, so that issuances that were started together are
/// not asked about together. Delays are only ever stretched, so jitter never adds a poll.
const JITTER: f64 = 0.2;

/// Fast at first, because a customer who is at the screen takes the credential at once; then slower.
///
/// | age of the issuance | delay until the next poll |
/// |---|---|
/// | under 30 seconds | 10 seconds |
/// | under 2 minutes | 30 seconds |
/// | under 10 minutes | 2 minutes |
/// | under 1 hour | 3 minutes |
/// | older | 15 minutes |
///
/// Each delay is stretched by up to a fifth, and never leaves the poll that decides about expiry (at
/// the offer's end and [`GRACE_SECONDS`]) behind. That makes at most 14 polls for an offer of 15
/// minutes that nobody takes and nobody asks about: 10, 20, 30, 60, 90 seconds; 2, 4, 6, 8, 10, 13,
/// 16, 19, 21 minutes. A query of the status brings the next poll forward, so whoever looks
/// does not wait for this table.
///
/// Where the wallet calls back, the table does not hold: each delay is the longest, because the polls
/// that matter come by callbacks. Those of the schedule only find out what became of an issuance whose
/// callbacks were lost, and that an offer has expired.
const DELAYS: [(i64, u32); 4] = [(30, 10), (120, 30), (600, 120), (3_600, 180)];

/// The times at which one issuance is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollSchedule {
    /// When the issuance was started, in Unix seconds.
    pub started_at: i64,
    /// When the offer can no longer be taken, in Unix seconds.
    pub offer_expires_at: i64,
    /// Whether the wallet calls back when something happens.
    pub wallet_calls_back: bool,
}

impl PollSchedule {
    /// The delay in seconds from `now` (Unix seconds) to the next poll: at least 1, at most
    /// [`LONGEST_DELAY_SECONDS`]. `jitter` is drawn from `0.0..1.0`.
    pub fn delay_seconds(&self, now: i64, jitter: f64) -> u32 {
        let age = now.saturating_sub(self.started_at);
        let delay = DELAYS
            .into_iter()
            .filter(|_| !self.wallet_calls_back)
            .find_map(|(younger_than, delay)| (age < younger_than).then_some(delay))
            .unwrap_or(LONGEST_DELAY_SECONDS);
        let delay = stretch(delay, jitter);
        let until_deadline = self.deadline().saturating_sub(now);
        match u32::try_from(until_deadline) {
            Ok(remaining @ 1..) => delay.min(remaining),
            _ => delay,
        }
    }

    /// The schedule as if the wallet did not call back: one that does not answer may not call either.
    pub fn without_callbacks(self) -> Self {
        Self {
            wallet_calls_back: false,
            ..self
        }
    }

    /// Whether an issuance that is still pending at `now` (Unix seconds) has expired.
    pub fn is_over(&self, now: i64) -> bool {
        now >= self.deadline()
    }

    /// The last moment (Unix seconds) at which a pending issuance may still complete.
    pub fn deadline(&self) -> i64 {
        self.offer_expires_at.saturating_add(GRACE_SECONDS)
    }
}

/// The delay after a wallet's `failures`-th failure in a row: 5 seconds, doubled each time, stretched
/// by `jitter` (`0.0..1.0`); a delay that the wallet asked for is kept when it is longer. At most
/// [`LONGEST_DELAY_SECONDS`].
pub fn back_off_seconds(failures: u32, retry_after_seconds: Option<u32>, jitter: f64) -> u32 {
    let doubled = 5_u32.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let own = stretch(doubled.min(LONGEST_DELAY_SECONDS), jitter);
    own.max(retry_after_seconds.unwrap_or(0))
        .min(LONGEST_DELAY_SECONDS)
}

fn stretch(delay: u32, jitter: f64) -> u32 {
    let stretched = f64::from(delay) * (1.0 + JITTER * jitter.clamp(0.0, 1.0));
    (stretched as u32).clamp(delay, LONGEST_DELAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFER: PollSchedule = PollSchedule {
        started_at: 1_000,
        offer_expires_at: 1_900,
        wallet_calls_back: false,
    };
    const CALLED_BACK: PollSchedule = PollSchedule {
        wallet_calls_back: true,
        ..OFFER
    };

    /// The ages at which an issuance is polled that nobody completes.
    fn polls(schedule: PollSchedule, mut jitter: impl FnMut() -> f64) -> Vec<i64> {
        let mut now = schedule.started_at;
        let mut ages = Vec::new();
        while !schedule.is_over(now) {
            now += i64::from(schedule.delay_seconds(now, jitter()));
            ages.push(now - schedule.started_at);
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
        );
    }

    #[test]
    fn where_the_wallet_calls_back_the_schedule_comes_late() {
        assert_eq!(polls(CALLED_BACK, || 0.0), [900, 1260]);
    }

    #[test]
    fn the_wallets_retry_after_is_honoured_within_limits() {
        assert_eq!(back_off_seconds(1, None, 0.0), 5);
        assert_eq!(back_off_seconds(3, None, 0.0), 20);
        assert_eq!(back_off_seconds(1, Some(60), 0.5), 60);
        assert_eq!(back_off_seconds(4, Some(1), 0.0), 40);
        assert_eq!(
            back_off_seconds(1, Some(86_400), 0.0),
            LONGEST_DELAY_SECONDS
        );
        assert_eq!(back_off_seconds(u32::MAX, None, 1.0), LONGEST_DELAY_SECONDS);
    }

    proptest! {
        #[test]
        fn jitter_never_adds_a_poll(jitters in prop::collection::vec(0.0..1.0, 1..40)) {
            let mut jitters = jitters.into_iter().cycle();
            let ages = polls(OFFER, || jitters.next().unwrap_or_default());
            prop_assert!(ages.len() <= 14, "{ages:?}");
            prop_assert_eq!(ages.last(), Some(&1260), "the last poll decides about expiry");
        }

        #[test]
        fn a_delay_fits_into_a_message(
            started_at in 0..2_000_000_000_i64,
            life in 0..10_000_000_i64,
            age in -1_000..20_000_000_i64,
            jitter in any::<f64>(),
            wallet_calls_back in any::<bool>(),
        ) {
            let offer_expires_at = started_at + life;
            let schedule = PollSchedule { started_at, offer_expires_at, wallet_calls_back };
            let now = started_at + age;
            let delay = schedule.delay_seconds(now, jitter);
            prop_assert!((1..=LONGEST_DELAY_SECONDS).contains(&delay));
            let deadline = schedule.deadline() == now + i64::from(delay);
            prop_assert!(!wallet_calls_back || delay == LONGEST_DELAY_SECONDS || deadline);
        }
    }
}
