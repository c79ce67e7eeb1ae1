//! How far the streams were delivered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::data::data_dir::{DataDir, DataDirError};

const FILE: &str = "streams.json";

/// The sequence number of the last record of each table's stream that was delivered, kept in the data
/// directory if there is one. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoints {
    data: Arc<DataDir>,
    of_tables: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Checkpoints {
    /// What was kept by the last run.
    pub(crate) fn open(data: Arc<DataDir>) -> Result<Self, DataDirError> {
        let of_tables = Arc::new(Mutex::new(data.json(FILE, |_| {})?));
        Ok(Self { data, of_tables })
    }

    /// The last record of this table's stream that was delivered.
    pub(crate) fn of(&self, table: &str) -> Option<String> {
        self.of_tables().get(table).cloned()
    }

    /// Everything up to this record was delivered. If that cannot be kept, records are delivered once more
    /// after a restart.
    pub(crate) fn set(&self, table: &str, sequence_number: &str) {
        let mut of_tables = self.of_tables();
        of_tables.insert(table.to_owned(), sequence_number.to_owned());
        // A map of strings: there is nothing that JSON cannot say.
        let text = serde_json::to_string_pretty(&*of_tables).unwrap_or_default();
        if let Err(fault) = self.data.write(FILE, &text) {
            tracing::warn!(%fault, "it is not kept how far a stream was delivered");
        }
    }

    fn of_tables(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.of_tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
