//! How many requests a caller may make in a time.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use strum::{Display, EnumString};
use thiserror::Error;

use crate::limiter::Window;

/// So many requests in each second, minute or hour, written as `50/s`, `1000/m` or `20000/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    requests: u32,
    per: Per,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
enum Per {
    #[strum(serialize = "s")]
    Second,
    #[strum(serialize = "m")]
    Minute,
    #[strum(serialize = "h")]
    Hour,
}

/// Text that is no rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a limit is a number of requests, a slash and s, m or h, as 50/s, 1000/m or 20000/h")]
pub struct RateLimitError;

/// The most requests that a limit can allow; who needs more needs no limit.
const MOST: u32 = 1_000_000;

impl RateLimit {
    /// The window of `now`. Requests of a second are counted over ten: so a caller that seldom comes costs fewer
    /// writes, and one that comes in bursts is not turned away for them.
    pub(crate) fn window(self, now: Timestamp) -> Window {
        let (seconds, allowance) = match self.per {
            Per::Second => (10, self.requests * 10),
            Per::Minute => (60, self.requests),
            Per::Hour => (3_600, self.requests),
        };
        let begins_at = now.as_second().div_euclid(seconds) * seconds;
        let at = |second| Timestamp::from_second(second).unwrap_or(now);
        Window {
            begins_at: at(begins_at),
            ends_at: at(begins_at + seconds),
            allowance,
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
        write!(formatter, "{}/{}", self.requests, self.per)
    }
}

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, RateLimitError> {
        let (requests, per) = text.split_once('/').ok_or(RateLimitError)?;
        let per = per.parse().map_err(|_| RateLimitError)?;
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
        for (text, allowance, begins_at, ends_at) in [
            ("50/s", 500, 7_310, 7_320),
            ("1000/m", 1_000, 7_260, 7_320),
            ("20000/h", 20_000, 7_200, 10_800),
        ] {
            let limit: RateLimit = text.parse().unwrap();
            assert_eq!(limit.to_string(), text);
            let at = |second| Timestamp::from_second(second).unwrap();
            let expected = Window {
                begins_at: at(begins_at),
                ends_at: at(ends_at),
                allowance,
            };
            assert_eq!(limit.window(at(7_319)), expected);
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
