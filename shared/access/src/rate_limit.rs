//! How many requests a caller may make in a time.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// So many requests in each second, minute or hour, written as `50/s`, `1000/m` or `20000/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    requests: u32,
    per: Per,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Per {
    Second,
    Minute,
    Hour,
}

/// Text that is no rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a limit is a number of requests, a slash and s, m or h, as 50/s, 1000/m or 20000/h")]
pub struct RateLimitError;

/// The most requests that a limit can allow; who needs more needs no limit.
const MOST: u32 = 1_000_000;

impl RateLimit {
    /// The time that requests are counted over. Those of a second are counted over ten: a caller that seldom comes
    /// would else cost a write each time, and one that comes in bursts is not turned away for them.
    pub(crate) fn window_ms(self) -> i64 {
        match self.per {
            Per::Second => 10_000,
            Per::Minute => 60_000,
            Per::Hour => 3_600_000,
        }
    }

    /// How many requests there may be in a window.
    pub(crate) fn allowance(self) -> u32 {
        match self.per {
            Per::Second => self.requests * 10,
            Per::Minute | Per::Hour => self.requests,
        }
    }
}

/// The smallest limit there is.
impl Default for RateLimit {
    fn default() -> Self {
        Self {
            requests: 1,
            per: Per::Hour,
        }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Per::Second => 's',
            Per::Minute => 'm',
            Per::Hour => 'h',
        };
        write!(formatter, "{}/{per}", self.requests)
    }
}

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, RateLimitError> {
        let (requests, per) = text.split_once('/').ok_or(RateLimitError)?;
        let per = match per {
            "s" => Per::Second,
            "m" => Per::Minute,
            "h" => Per::Hour,
            _ => return Err(RateLimitError),
        };
        match requests.parse() {
            Ok(requests @ 1..=MOST) => Ok(Self { requests, per }),
            _ => Err(RateLimitError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_read_back() {
        for (text, allowance, window_ms) in [
            ("50/s", 500, 10_000),
            ("1000/m", 1_000, 60_000),
            ("20000/h", 20_000, 3_600_000),
        ] {
            let limit: RateLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), text);
            assert_eq!(
                (limit.allowance(), limit.window_ms()),
                (allowance, window_ms)
            );
        }
        for bad in [
            "",
            "50",
            "/s",
            "0/s",
            "-1/s",
            "50/d",
            "50/s/s",
            "1000001/h",
            "5 /s",
        ] {
            assert_eq!(bad.parse::<RateLimit>(), Err(RateLimitError), "{bad}");
        }
    }
}
