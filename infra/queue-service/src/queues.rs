//! Queues: create, find, change, purge, count.

use rusqlite::{Row, Transaction, named_params};

use crate::{
    Error, QueueService,
    address::is_name,
    queue_attributes::{AttributeMap, QueueAttributes},
    service::millis,
};

/// A queue as it is stored.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) attributes: QueueAttributes,
}

/// How many messages a queue holds. SQS calls these numbers approximate; here they are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageCounts {
    /// Ready to be received.
    pub visible: i64,
    /// Received and neither deleted nor timed out: in flight.
    pub not_visible: i64,
    /// Sent with a delay that is not over.
    pub delayed: i64,
}

impl QueueService {
    /// Creates a queue with attributes as SQS names and writes them, or sets those of the queue
    /// that exists. A dead-letter queue must exist before its source.
    pub fn create_queue<N: Into<String>, V: Into<String>>(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), Error> {
        let attributes = attributes
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        self.transact(|transaction| put(transaction, name, &attributes))?;
        // Another redrive policy can change what a receive finds.
        self.bell(name).notify_waiters();
        Ok(())
    }

    /// The names of all queues, sorted.
    pub fn queue_names(&self) -> Result<Vec<String>, Error> {
        let queues = self.transact(list)?;
        Ok(queues.into_iter().map(|queue| queue.name).collect())
    }

    pub(crate) fn queue(&self, name: &str) -> Result<Queue, Error> {
        self.on_queue(name, |_, queue| Ok(queue))
    }

    /// Deletes all messages of a queue, those in flight too.
    pub(crate) fn purge(&self, queue: &str) -> Result<(), Error> {
        self.on_queue(queue, |transaction, queue| {
            transaction.execute("DELETE FROM messages WHERE queue_id = ?1", [queue.id])?;
            Ok(())
        })
    }

    /// Counts a queue's messages.
    pub fn counts(&self, queue: &str) -> Result<MessageCounts, Error> {
        let now_ms = self.now_ms();
        self.on_queue(queue, |transaction, queue| {
            let mut statement = transaction.prepare_cached(
                "SELECT count(*) FILTER (WHERE visible_at_ms <= :now_ms),
                        count(*) FILTER (WHERE visible_at_ms > :now_ms AND receipt IS NOT NULL),
                        count(*) FILTER (WHERE visible_at_ms > :now_ms AND receipt IS NULL)
                 FROM messages WHERE queue_id = :queue_id AND sent_at_ms > :oldest_ms",
            )?;
            let parameters = named_params! {
                ":queue_id": queue.id, ":now_ms": now_ms, ":oldest_ms": queue.oldest_ms(now_ms),
            };
            let counts = statement.query_row(parameters, |row| {
                Ok(MessageCounts {
                    visible: row.get(0)?,
                    not_visible: row.get(1)?,
                    delayed: row.get(2)?,
                })
            })?;
            Ok(counts)
        })
    }
}

impl Queue {
    /// Messages sent at this time or before have outlived the retention period.
    pub(crate) fn oldest_ms(&self, now_ms: i64) -> i64 {
        now_ms - millis(self.attributes.retention)
    }
}

pub(crate) fn find(transaction: &Transaction<'_>, name: &str) -> Result<Option<Queue>, Error> {
    let mut statement = transaction.prepare_cached("SELECT * FROM queues WHERE name = ?1")?;
    let mut rows = statement.query([name])?;
    rows.next()?.map(read).transpose()
}

/// All queues, by name.
pub(crate) fn list(transaction: &Transaction<'_>) -> Result<Vec<Queue>, Error> {
    let mut statement = transaction.prepare_cached("SELECT * FROM queues ORDER BY name")?;
    statement.query_and_then([], read)?.collect()
}

fn put(transaction: &Transaction<'_>, name: &str, changes: &AttributeMap) -> Result<(), Error> {
    let mut attributes = match find(transaction, name)? {
        Some(existing) => existing.attributes,
        None if is_name(name) => QueueAttributes::default(),
        None => {
            return Err(Error::InvalidParameterValue(format!(
                "The queue name {name:?} is not legal: it must be 1 to 80 letters, digits, \
                 hyphens and underscores."
            )));
        }
    };
    attributes.set_all(changes)?;
    if let Some(policy) = &attributes.redrive_policy
        && find(transaction, &policy.dead_letter_queue)?.is_none()
    {
        return Err(Error::InvalidParameterValue(
            "The value for parameter RedrivePolicy is invalid. Reason: Dead letter target does \
             not exist."
                .to_owned(),
        ));
    }
    let json = serde_json::to_string(&attributes.to_map())
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction
        .prepare_cached(
            "INSERT INTO queues (name, attributes) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET attributes = excluded.attributes",
        )?
        .execute((name, json))?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Queue, Error> {
    let json: String = row.get("attributes")?;
    let set: AttributeMap = serde_json::from_str(&json).map_err(|error| {
        let text = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(0, text, error.into())
    })?;
    let mut attributes = QueueAttributes::default();
    attributes.set_all(&set)?;
    Ok(Queue {
        id: row.get("id")?,
        name: row.get("name")?,
        attributes,
    })
}
