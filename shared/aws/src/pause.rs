//! Waiting before what a service left out of a batch is sent again.

use std::time::Duration;

/// The longest wait of all.
const LONGEST: Duration = Duration::from_secs(1);

/// Waits of random length, each about twice as long as the one before, up to a second.
pub struct Pause(Duration);

impl Pause {
    /// Waits of which the first is about so long.
    pub fn of(first: Duration) -> Self {
        Self(first)
    }

    /// Waits.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.0.mul_f64(0.5 + rand::random::<f64>())).await;
        self.0 = LONGEST.min(self.0 * 2);
    }
}
