//! How far the streams were delivered.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::data::data_dir::{DataDir, DataDirError, write_private};

const FILE: &str = "streams.json";

/// The sequence number of the last record of each table's stream that was delivered, kept in the data
/// directory if there is one. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoints {
    path: Option<PathBuf>,
    of_tables: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Checkpoints {
    /// What was kept by the last run.
    ///
    /// # Errors
    /// [`DataDirError`], where the file cannot be read.
    pub(crate) fn open(data: &DataDir) -> Result<Self, DataDirError> {
        let of_tables = data.json(FILE, |_| {})?;
        Ok(Self {
            path: data.path().map(|directory| directory.join(FILE)),
            of_tables: Arc::new(Mutex::new(of_tables)),
        })
    }

    /// The last record of this table's stream that was delivered.
    pub(crate) fn of(&self, table: &str) -> Option<String> {
        let of_tables = self.of_tables.lock();
        let of_tables = of_tables.unwrap_or_else(PoisonError::into_inner);
        of_tables.get(table).cloned()
    }

    /// Everything up to this record was delivered. If that cannot be kept, records are delivered once more
    /// after a restart.
    pub(crate) fn set(&self, table: &str, sequence_number: &str) {
        let of_tables = self.of_tables.lock();
        let mut of_tables = of_tables.unwrap_or_else(PoisonError::into_inner);
        of_tables.insert(table.to_owned(), sequence_number.to_owned());
        let Some(path) = &self.path else { return };
        let kept = serde_json::to_string_pretty(&*of_tables)
            .map_err(std::io::Error::from)
            .and_then(|text| write_private(path, &text));
        if let Err(fault) = kept {
            tracing::warn!(%fault, "it is not kept how far a stream was delivered");
        }
    }
}
