use std::time::Duration;

use bestow_credential::Validity;
use jiff::Timestamp;
use proptest::prelude::*;

#[test]
fn times_do_not_tell_the_second_of_the_issuance() {
    let day = |text: &str| text.parse::<Timestamp>().unwrap();
    let now = day("2026-01-01T13:27:59.5Z");

    let validity = Validity::rounded_to_days(now, Duration::from_secs(1));

    assert_eq!(validity.issued_at, day("2026-01-01T00:00:00Z"));
    assert_eq!(validity.not_before, Some(validity.issued_at));
    // A lifetime never gets shorter than a whole day.
    assert_eq!(validity.expires_at, Some(day("2026-01-02T00:00:00Z")));
}

proptest! {
    #[test]
    fn rounding_never_shifts_by_a_day_or_more(
        now in -10_000_000_000_i64..10_000_000_000,
        lifetime in 0_u64..1_000_000_000,
    ) {
        let validity = Validity::rounded_to_days(
            Timestamp::from_second(now).unwrap(),
            Duration::from_secs(lifetime),
        );
        let start = validity.issued_at.as_second();
        let end = validity.expires_at.unwrap().as_second();
        let unrounded_end = start + i64::try_from(lifetime).unwrap();

        prop_assert!((0..86_400).contains(&(now - start)));
        prop_assert!((0..86_400).contains(&(end - unrounded_end)));
        prop_assert_eq!((start % 86_400, end % 86_400), (0, 0));
    }
}

#[test]
fn extreme_times_do_not_overflow() {
    for now in [Timestamp::MIN, Timestamp::MAX] {
        Validity::rounded_to_days(now, Duration::MAX);
    }
}
