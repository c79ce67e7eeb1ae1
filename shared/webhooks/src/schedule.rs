//! When a delivery is tried again.

/// The longest delay that a queue message can carry (SQS `DelaySeconds`). Longer waits are several messages,
/// one after the other.
pub const LONGEST_DELAY_SECONDS: u32 = 900;

/// The waits between attempts, in seconds: 5 s, 30 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 20 h. Together
/// they are three days, so that a receiver which fails on a Friday evening is told on Monday.
const WAITS: [u32; 10] = [
    5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000,
];

/// The longest part by which a wait is stretched, so that deliveries that failed together do not come back
/// together.
const JITTER: f64 = 0.1;

/// The longest wait that a receiver can ask for (`Retry-After`), in seconds.
pub const LONGEST_WAIT_SECONDS: u32 = 72_000;

/// How long after its first attempt a delivery may still be tried, in seconds, however long its receiver
/// asks to be left alone.
pub const LIFE_SECONDS: i64 = 4 * 24 * 60 * 60;

/// The seconds to wait after `attempts` attempts that failed (from 1), the first of which began `age_seconds`
/// ago; `None` once it is time to give up. A wait that the receiver asked for is kept when it is longer.
/// `jitter` is drawn from `0.0..1.0`.
pub fn wait_seconds(
    attempts: u32,
    age_seconds: i64,
    retry_after_seconds: Option<u32>,
    jitter: f64,
) -> Option<u32> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    let own = *WAITS.get(index)?;
    let stretched = f64::from(own) * (1.0 + JITTER * jitter.clamp(0.0, 1.0));
    let asked_for = retry_after_seconds.unwrap_or(0).min(LONGEST_WAIT_SECONDS);
    let wait = (stretched as u32).max(own).max(asked_for);
    (age_seconds.saturating_add(i64::from(wait)) <= LIFE_SECONDS).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The ages in seconds at which a delivery is tried that nobody takes.
    fn attempts(retry_after: Option<u32>, mut jitter: impl FnMut() -> f64) -> Vec<i64> {
        let mut ages = vec![0];
        while let Some(wait) = wait_seconds(
            u32::try_from(ages.len()).unwrap(),
            ages[ages.len() - 1],
            retry_after,
            jitter(),
        ) {
            ages.push(ages[ages.len() - 1] + i64::from(wait));
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
        assert_eq!(wait_seconds(1, 0, Some(3_600), 0.5), Some(3_600));
        assert_eq!(wait_seconds(4, 0, Some(1), 0.0), Some(1_800));
        assert_eq!(
            wait_seconds(1, 0, Some(u32::MAX), 1.0),
            Some(LONGEST_WAIT_SECONDS)
        );
        assert_eq!(
            attempts(Some(u32::MAX), || 0.0).len(),
            5,
            "four days and no more"
        );
        assert_eq!(wait_seconds(0, 0, None, 0.0), Some(5));
        assert_eq!(wait_seconds(11, 0, None, 0.0), None);
        assert_eq!(wait_seconds(u32::MAX, i64::MAX, None, f64::NAN), None);
    }

    proptest! {
        #[test]
        fn jitter_changes_no_number_of_attempts(jitters in prop::collection::vec(0.0..1.0, 1..20)) {
            let mut jitters = jitters.into_iter().cycle();
            let ages = attempts(None, || jitters.next().unwrap_or_default());
            prop_assert_eq!(ages.len(), 11);
            prop_assert!(ages[10] <= LIFE_SECONDS);
        }
    }
}
