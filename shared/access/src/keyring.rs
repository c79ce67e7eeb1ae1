//! The API keys, kept for half a minute.

use std::sync::Arc;
use std::time::Duration;

use bestow_aws::CallError;

use crate::api_key::KeyHash;
use crate::cache::{Cache, Clock, Lookup, Source, Times};
use crate::key_record::KeyRecord;
use crate::table::AccessTable;

/// The pause between two reads for a key that is not known.
const PAUSE_MS: i64 = 2_000;

/// All keys of the table.
pub(crate) struct Keyring(Cache<AccessTable>);

impl Source for AccessTable {
    type All = Vec<Arc<KeyRecord>>;
    type FieldError = CallError;
    const NAME: &'static str = "the table of API keys";

    async fn read(&self) -> Result<Self::All, CallError> {
        let keys = self.keys().await?;
        Ok(keys.into_iter().map(Arc::new).collect())
    }
}

impl Keyring {
    pub(crate) fn new(table: AccessTable, clock: Clock, kept_for: Duration) -> Self {
        let kept_ms = i64::try_from(kept_for.as_millis()).unwrap_or(i64::MAX);
        let times = Times {
            kept_ms,
            pause_ms: PAUSE_MS.min(kept_ms),
            pause_after_failure_ms: PAUSE_MS.min(kept_ms),
            stale_ms: 5 * 60 * 1_000,
            timeout: Duration::from_secs(2),
        };
        Self(Cache::new(table, clock, times))
    }

    pub(crate) async fn warm(&self) {
        self.0.warm().await;
    }

    /// The record of the key with this hash, whether the key is still taken or not.
    pub(crate) async fn find(&self, presented: &KeyHash) -> Lookup<Arc<KeyRecord>> {
        self.0.find(|keys| with_hash(keys, presented)).await
    }
}

/// Every record is compared in full, so the time that it takes tells nothing.
fn with_hash(keys: &[Arc<KeyRecord>], presented: &KeyHash) -> Option<Arc<KeyRecord>> {
    keys.iter().fold(None, |found, key| {
        if key.hash.matches(presented) {
            Some(Arc::clone(key))
        } else {
            found
        }
    })
}
