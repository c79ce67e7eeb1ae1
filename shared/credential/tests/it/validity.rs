use bestow_credential::Validity;
use proptest::prelude::*;

#[test]
fn times_do_not_tell_the_second_of_the_issuance() {
    // 2026-01-01T13:27:59Z
    let now_seconds = 1_767_274_079;

    let validity = Validity::rounded_to_days(now_seconds, Some(1));
    // The first of January, and the second: a lifetime never gets shorter than a whole day.
    assert_eq!(validity.issued_at_seconds, 1_767_225_600);
    assert_eq!(validity.not_before_seconds, Some(1_767_225_600));
    assert_eq!(validity.expires_at_seconds, Some(1_767_312_000));

    assert_eq!(
        Validity::rounded_to_days(now_seconds, None).expires_at_seconds,
        None
    );
}

proptest! {
    #[test]
    fn rounding_never_shifts_by_a_day_or_more(
        now_seconds in -10_000_000_000_i64..10_000_000_000,
        lifetime_seconds in 0_u64..1_000_000_000,
    ) {
        let validity = Validity::rounded_to_days(now_seconds, Some(lifetime_seconds));
        let start = validity.issued_at_seconds;
        let end = validity.expires_at_seconds.unwrap();
        let unrounded_end = start + i64::try_from(lifetime_seconds).unwrap();

        prop_assert!((0..86_400).contains(&(now_seconds - start)));
        prop_assert!((0..86_400).contains(&(end - unrounded_end)));
        prop_assert_eq!((start % 86_400, end % 86_400), (0, 0));
    }

    #[test]
    fn extreme_times_do_not_overflow(now_seconds: i64, lifetime_seconds: u64) {
        Validity::rounded_to_days(now_seconds, Some(lifetime_seconds));
    }
}
