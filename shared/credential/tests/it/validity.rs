use credential::{Granularity, Validity};
use proptest::prelude::*;

#[test]
fn times_do_not_tell_the_second_of_the_issuance() {
    // 2026-01-01T13:27:59Z
    let now_seconds = 1_767_274_079;

    let hour = Validity::rounded(now_seconds, Some(3_600), Granularity::Hour);
    // 13:00 to 14:00.
    assert_eq!(hour.issued_at_seconds, 1_767_272_400);
    assert_eq!(hour.not_before_seconds, Some(1_767_272_400));
    assert_eq!(hour.expires_at_seconds, Some(1_767_276_000));

    let day = Validity::rounded(now_seconds, Some(1), Granularity::Day);
    // The first of January, and the second: a lifetime never gets shorter than a whole unit.
    assert_eq!(day.issued_at_seconds, 1_767_225_600);
    assert_eq!(day.expires_at_seconds, Some(1_767_312_000));

    assert_eq!(
        Validity::rounded(now_seconds, None, Granularity::Day).expires_at_seconds,
        None
    );
}

proptest! {
    #[test]
    fn rounding_never_shifts_by_a_unit_or_more(
        now_seconds in -10_000_000_000_i64..10_000_000_000,
        lifetime_seconds in 0_u64..1_000_000_000,
    ) {
        for (granularity, unit) in [(Granularity::Hour, 3_600), (Granularity::Day, 86_400)] {
            let validity = Validity::rounded(now_seconds, Some(lifetime_seconds), granularity);
            let start = validity.issued_at_seconds;
            let end = validity.expires_at_seconds.unwrap();
            let unrounded_end = start + i64::try_from(lifetime_seconds).unwrap();

            prop_assert!((0..unit).contains(&(now_seconds - start)));
            prop_assert!((0..unit).contains(&(end - unrounded_end)));
            prop_assert_eq!((start % unit, end % unit), (0, 0));
        }
    }

    #[test]
    fn extreme_times_do_not_overflow(now_seconds: i64, lifetime_seconds: u64) {
        Validity::rounded(now_seconds, Some(lifetime_seconds), Granularity::Hour);
        Validity::rounded(now_seconds, Some(lifetime_seconds), Granularity::Day);
    }
}
