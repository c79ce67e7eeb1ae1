//! When a server wants to be asked again (RFC 9110 §10.2.3).

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The seconds of the `Retry-After` header, clamped to 1 to `longest`, or `None` if there is none that can
/// be read. A date counts from `now`.
pub(crate) fn retry_after_seconds(
    headers: &HeaderMap,
    now: Timestamp,
    longest: u32,
) -> Option<u32> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match value.parse::<u64>() {
        Ok(seconds) => i64::try_from(seconds).unwrap_or(i64::MAX),
        Err(_) => rfc2822::parse(value).ok()?.timestamp().as_second() - now.as_second(),
    };
    u32::try_from(seconds.clamp(1, i64::from(longest.max(1)))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_clamped() {
        // The date is the example of RFC 9110 §5.6.7.
        let now = "1994-11-06T08:49:00Z".parse().unwrap();
        for (value, expected) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(1)),
            ("99999999999999999999", None),
            ("86400", Some(900)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 07:00:00 GMT", Some(1)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            assert_eq!(retry_after_seconds(&headers, now, 900), expected, "{value}");
        }
        assert_eq!(retry_after_seconds(&HeaderMap::new(), now, 900), None);
    }
}
