//! The time, and what is drawn at random, passed in: a test sets both.

use jiff::Timestamp;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Draws ids, and the jitter of retries.
pub trait IdSource: Send + Sync {
    /// A random UUID (version 4).
    fn uuid(&self) -> Uuid;

    /// A random number in `0.0..1.0`.
    fn fraction(&self) -> f64;
}

/// The operating system's clock and random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperatingSystem;

impl Clock for OperatingSystem {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl IdSource for OperatingSystem {
    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }

    fn fraction(&self) -> f64 {
        let (random, _) = Uuid::new_v4().as_u64_pair();
        // The upper 32 bits of a version 4 UUID are all random.
        f64::from((random >> 32) as u32) / (f64::from(u32::MAX) + 1.0)
    }
}

impl<F: Fn() -> Timestamp + Send + Sync> Clock for F {
    fn now(&self) -> Timestamp {
        self()
    }
}
