//! The limits of SQS.

use std::ops::RangeInclusive;

use crate::Error;

/// The largest message, and the largest batch, in bytes.
pub(crate) const MAXIMUM_MESSAGE_SIZE: i64 = 1_048_576;

pub(crate) const DELAY_SECONDS: RangeInclusive<i64> = 0..=900;
pub(crate) const VISIBILITY_SECONDS: RangeInclusive<i64> = 0..=43_200;
pub(crate) const WAIT_SECONDS: RangeInclusive<i64> = 0..=20;
pub(crate) const RECEIVED_MESSAGES: RangeInclusive<i64> = 1..=10;
pub(crate) const BATCH_ENTRIES: usize = 10;

/// The value of a parameter or attribute, if it is in its range.
pub(crate) fn in_range(name: &str, value: i64, range: RangeInclusive<i64>) -> Result<i64, Error> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Error::InvalidParameterValue(format!(
        "Value {value} for parameter {name} is invalid. Reason: Must be between {} and {}.",
        range.start(),
        range.end()
    )))
}
