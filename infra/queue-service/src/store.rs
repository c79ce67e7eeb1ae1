//! The database.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::Error;

/// How many prepared statements are kept: more than there are in this crate.
const STATEMENT_CACHE: usize = 64;

/// Queues and messages in SQLite.
///
/// Every operation is one short transaction on one connection behind a mutex: some tens of
/// microseconds, which is less than moving it to another thread would cost.
pub(crate) struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens or creates a database file, for this process alone: `EXCLUSIVE` keeps out a second one, whose sends
    /// could not wake this one's receives.
    ///
    /// `synchronous = NORMAL` does not wait for the disk at each commit. A killed process loses nothing by that, a
    /// machine that loses power at most the last moments.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // Only the earlier layout has tags.
        if connection.column_exists(None::<&str>, "queues", "tags")? {
            connection.execute_batch(include_str!("upgrade.sql"))?;
        }
        Self::prepare(connection)
    }

    /// A database that lives as long as the value.
    pub(crate) fn in_memory() -> Result<Self, Error> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(connection: Connection) -> Result<Self, Error> {
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        connection.execute_batch(include_str!("schema.sql"))?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Runs `work` in a transaction, which is committed if `work` succeeds.
    pub(crate) fn transact<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // A panic while the lock is held has rolled its transaction back.
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let outcome = work(&transaction)?;
        transaction.commit()?;
        Ok(outcome)
    }
}
