//! The API keys, cached for half a minute.

use std::sync::Arc;
use std::time::Duration;

use bestow_aws::CallError;
use bestow_clock::OperatingSystem;

use crate::api_key::KeyHash;
use crate::cache::{Cache, Source, Times};
use crate::key_record::KeyRecord;
use crate::table::AccessTable;

/// The pause between two reads for a key that is not known.
const PAUSE: Duration = Duration::from_secs(2);

impl Source for AccessTable {
    type All = Vec<Arc<KeyRecord>>;
    type FieldError = CallError;
    const NAME: &'static str = "the table of API keys";

    async fn read(&self) -> Result<Self::All, CallError> {
        let keys = self.keys().await?;
        Ok(keys.into_iter().map(Arc::new).collect())
    }
}

/// All keys of `table`, read anew after `kept_for`.
pub(crate) fn keyring(table: AccessTable, kept_for: Duration) -> Cache<AccessTable> {
    let times = Times {
        kept_for,
        pause: PAUSE.min(kept_for),
        pause_after_failure: PAUSE.min(kept_for),
        stale_for: Duration::from_secs(5 * 60),
        timeout: Duration::from_secs(2),
    };
    Cache::new(table, OperatingSystem, times)
}

/// The key with this hash, ended or not. All records are compared in full: the time that it takes tells nothing.
pub(crate) fn with_hash(keys: &[Arc<KeyRecord>], sent: &KeyHash) -> Option<Arc<KeyRecord>> {
    let matching: Vec<_> = keys.iter().filter(|key| key.hash.matches(sent)).collect();
    matching.first().map(|key| Arc::clone(key))
}
