//! When a delivery is tried again.

use std::time::Duration;

/// The waits between attempts, in seconds. Together they are three days, so that a receiver which fails on a Friday
/// evening is told on Monday.
const WAITS: [u64; 10] = [
    5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000,
];

/// The longest part by which a wait is stretched, so that deliveries that failed together come back apart.
const JITTER: f64 = 0.1;

/// The longest wait that a receiver can ask for (`Retry-After`): 20 hours.
pub const LONGEST_WAIT: Duration = Duration::from_secs(72_000);

/// How long after its first attempt a delivery may still be tried, whatever its receiver asks for: four days.
const LIFE: Duration = Duration::from_secs(4 * 24 * 60 * 60);

/// The wait after `attempts` attempts that failed (from 1), the first of them `age` ago, in whole seconds; `None` if
/// it is time to give up. A longer wait that the receiver asked for is kept. `jitter` is drawn from `0.0..1.0`.
pub(crate) fn wait(
    attempts: u32,
    age: Duration,
    retry_after: Option<Duration>,
    jitter: f64,
) -> Option<Duration> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    let own = *WAITS.get(index)?;
    let stretched = own as f64 * (1.0 + JITTER * jitter.clamp(0.0, 1.0));
    let asked_for = retry_after.unwrap_or_default().min(LONGEST_WAIT);
    let wait = Duration::from_secs(own.max(stretched as u64)).max(asked_for);
    (age.saturating_add(wait) <= LIFE).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    /// The ages in seconds at which a delivery is tried that nobody takes.
    fn attempts(retry_after: Option<Duration>, mut jitter: impl FnMut() -> f64) -> Vec<u64> {
        let (mut ages, mut age) = (vec![0], Duration::ZERO);
        while let Some(wait) = wait(
            u32::try_from(ages.len()).unwrap(),
            age,
            retry_after,
            jitter(),
        ) {
            age += wait;
            ages.push(age.as_secs());
        }
        ages
    }

    #[test]
    fn a_delivery_is_tried_for_three_days() {
        let (minute, hour) = (60, 3_600);
        assert_eq!(
            attempts(None, || 0.0),
            [
                0,
                5,
                35,
                5 * minute + 35,
                35 * minute + 35,
                2 * hour + 35 * minute + 35,
                7 * hour + 35 * minute + 35,
                17 * hour + 35 * minute + 35,
                31 * hour + 35 * minute + 35,
                51 * hour + 35 * minute + 35,
                71 * hour + 35 * minute + 35,
            ]
        );
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it_within_limits() {
        let young = Duration::ZERO;
        assert_eq!(wait(1, young, seconds(3_600), 0.5), seconds(3_600));
        assert_eq!(wait(4, young, seconds(1), 0.0), seconds(1_800));
        assert_eq!(wait(1, young, seconds(u64::MAX), 1.0), Some(LONGEST_WAIT));
        assert_eq!(
            attempts(seconds(u64::MAX), || 0.0).len(),
            5,
            "four days and no more"
        );
        assert_eq!(wait(0, young, None, 0.0), seconds(5));
        assert_eq!(wait(11, young, None, 0.0), None);
        assert_eq!(wait(1, Duration::MAX, None, 0.0), None);
        assert_eq!(wait(u32::MAX, young, None, f64::NAN), None);
    }

    proptest! {
        #[test]
        fn jitter_changes_no_number_of_attempts(jitters in prop::collection::vec(0.0..1.0, 1..20)) {
            let mut jitters = jitters.into_iter().cycle();
            let ages = attempts(None, || jitters.next().unwrap_or_default());
            prop_assert_eq!(ages.len(), 11);
            prop_assert!(ages[10] <= LIFE.as_secs());
        }
    }
}
