//! The limits of SQS.

use std::ops::RangeInclusive;

use crate::Error;

/// The largest message, and the largest batch, in bytes.
pub(crate) const MAXIMUM_MESSAGE_SIZE: i64 = 1_048_576;
/// Delays of messages, in seconds.
pub(crate) const DELAY_SECONDS: RangeInclusive<i64> = 0..=900;
/// Visibility time-outs, in seconds.
pub(crate) const VISIBILITY_SECONDS: RangeInclusive<i64> = 0..=43_200;
/// Waits of a long poll, in seconds.
pub(crate) const WAIT_SECONDS: RangeInclusive<i64> = 0..=20;
/// Messages of one receive.
pub(crate) const RECEIVED_MESSAGES: RangeInclusive<i64> = 1..=10;
/// Messages of one batch.
pub(crate) const BATCH_ENTRIES: usize = 10;

/// Checks a parameter of a request: out of range it is [`Error::InvalidParameterValue`].
pub(crate) fn check_range(
    parameter: &str,
    value: i64,
    range: RangeInclusive<i64>,
) -> Result<(), Error> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Error::InvalidParameterValue(format!(
        "Value {value} for parameter {parameter} is invalid. Reason: Must be between {} and {}.",
        range.start(),
        range.end()
    )))
}
