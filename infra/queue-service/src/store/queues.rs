//! Queues: create, find, change, purge, delete, count.

use std::collections::BTreeMap;

use rusqlite::{Row, Transaction, named_params};

use super::{from_json, to_json};
use crate::{Error, QueueAttributes, address};

/// A queue as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) attributes: QueueAttributes,
    pub(crate) tags: BTreeMap<String, String>,
    /// Unix seconds.
    pub(crate) created_at_s: i64,
    /// Unix seconds.
    pub(crate) modified_at_s: i64,
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

/// Creates a queue. If it exists, it must have the values that are given, or it is
/// [`Error::QueueNameExists`]; attributes that are not given are not compared.
pub(crate) fn create(
    transaction: &Transaction<'_>,
    name: &str,
    attributes: &BTreeMap<String, String>,
    tags: &BTreeMap<String, String>,
    now_ms: i64,
) -> Result<(), Error> {
    let fifo = attributes
        .get("FifoQueue")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    address::check_queue_name(name, fifo)?;
    let mut wanted = QueueAttributes::new(fifo);
    for (attribute, value) in attributes {
        wanted.set(attribute, value)?;
    }
    match find(transaction, name) {
        Ok(existing) => {
            let (existing, wanted) = (existing.attributes.to_map(), wanted.to_map());
            match attributes
                .keys()
                .find(|name| existing.get(*name) != wanted.get(*name))
            {
                Some(different) => Err(Error::QueueNameExists(different.clone())),
                None => Ok(()),
            }
        }
        Err(Error::QueueDoesNotExist) => {
            check_dead_letter_queue(transaction, &wanted)?;
            transaction
                .prepare_cached(
                    "INSERT INTO queues (name, attributes, tags, created_at_s, modified_at_s)
                     VALUES (:name, :attributes, :tags, :now_s, :now_s)",
                )?
                .execute(named_params! {
                    ":name": name,
                    ":attributes": to_json(&wanted.to_map())?,
                    ":tags": to_json(tags)?,
                    ":now_s": now_ms / 1000,
                })?;
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The queue of this name, or [`Error::QueueDoesNotExist`].
pub(crate) fn find(transaction: &Transaction<'_>, name: &str) -> Result<Queue, Error> {
    let mut statement = transaction.prepare_cached("SELECT * FROM queues WHERE name = ?1")?;
    let mut rows = statement.query([name])?;
    read(rows.next()?.ok_or(Error::QueueDoesNotExist)?)
}

/// All queues whose names start with `prefix`, by name.
pub(crate) fn list(transaction: &Transaction<'_>, prefix: &str) -> Result<Vec<Queue>, Error> {
    let mut statement = transaction.prepare_cached(
        "SELECT * FROM queues WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
    )?;
    let mut rows = statement.query([prefix])?;
    let mut queues = Vec::new();
    while let Some(row) = rows.next()? {
        queues.push(read(row)?);
    }
    Ok(queues)
}

/// Sets some attributes of a queue.
pub(crate) fn set_attributes(
    transaction: &Transaction<'_>,
    name: &str,
    changes: &BTreeMap<String, String>,
    now_ms: i64,
) -> Result<(), Error> {
    let Queue {
        id, mut attributes, ..
    } = find(transaction, name)?;
    for (attribute, value) in changes {
        attributes.set(attribute, value)?;
    }
    check_dead_letter_queue(transaction, &attributes)?;
    transaction
        .prepare_cached("UPDATE queues SET attributes = ?2, modified_at_s = ?3 WHERE id = ?1")?
        .execute((id, to_json(&attributes.to_map())?, now_ms / 1000))?;
    Ok(())
}

/// Replaces a queue's tags.
pub(crate) fn set_tags(
    transaction: &Transaction<'_>,
    queue_id: i64,
    tags: &BTreeMap<String, String>,
) -> Result<(), Error> {
    transaction
        .prepare_cached("UPDATE queues SET tags = ?2 WHERE id = ?1")?
        .execute((queue_id, to_json(tags)?))?;
    Ok(())
}

/// Deletes all messages of a queue, those in flight too. What was sent stays known as a duplicate.
pub(crate) fn purge(transaction: &Transaction<'_>, queue_id: i64) -> Result<(), Error> {
    transaction
        .prepare_cached("DELETE FROM messages WHERE queue_id = ?1")?
        .execute([queue_id])?;
    Ok(())
}

/// Deletes a queue and its messages.
pub(crate) fn delete_queue(transaction: &Transaction<'_>, queue_id: i64) -> Result<(), Error> {
    transaction
        .prepare_cached("DELETE FROM queues WHERE id = ?1")?
        .execute([queue_id])?;
    Ok(())
}

/// Counts a queue's messages.
pub(crate) fn counts(
    transaction: &Transaction<'_>,
    queue: &Queue,
    now_ms: i64,
) -> Result<MessageCounts, Error> {
    let counts = transaction
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE visible_at_ms <= :now_ms),
                    count(*) FILTER (WHERE visible_at_ms > :now_ms AND receipt IS NOT NULL),
                    count(*) FILTER (WHERE visible_at_ms > :now_ms AND receipt IS NULL)
             FROM messages WHERE queue_id = :queue_id AND sent_at_ms > :oldest_ms",
        )?
        .query_row(
            named_params! {
                ":queue_id": queue.id, ":now_ms": now_ms, ":oldest_ms": queue.oldest_ms(now_ms)
            },
            |row| {
                Ok(MessageCounts {
                    visible: row.get(0)?,
                    not_visible: row.get(1)?,
                    delayed: row.get(2)?,
                })
            },
        )?;
    Ok(counts)
}

impl Queue {
    /// Messages sent at this time or before have outlived the retention period.
    pub(crate) fn oldest_ms(&self, now_ms: i64) -> i64 {
        now_ms - i64::from(self.attributes.message_retention_seconds) * 1000
    }
}

/// A dead-letter queue must exist and be of the same kind as its source.
fn check_dead_letter_queue(
    transaction: &Transaction<'_>,
    source: &QueueAttributes,
) -> Result<(), Error> {
    let Some(policy) = &source.redrive_policy else {
        return Ok(());
    };
    let reason = match find(transaction, policy.dead_letter_name()) {
        Ok(target) if target.attributes.fifo.is_some() == source.fifo.is_some() => return Ok(()),
        Ok(_) => {
            "The dead-letter queue of a FIFO queue must be a FIFO queue, of a standard queue \
                  a standard queue."
        }
        Err(Error::QueueDoesNotExist) => "Dead letter target does not exist.",
        Err(error) => return Err(error),
    };
    Err(Error::InvalidParameterValue(format!(
        "The value for parameter RedrivePolicy is invalid. Reason: {reason}"
    )))
}

fn read(row: &Row<'_>) -> Result<Queue, Error> {
    let attributes: String = row.get("attributes")?;
    let tags: String = row.get("tags")?;
    Ok(Queue {
        id: row.get("id")?,
        name: row.get("name")?,
        attributes: QueueAttributes::from_map(&from_json(&attributes)?)?,
        tags: from_json(&tags)?,
        created_at_s: row.get("created_at_s")?,
        modified_at_s: row.get("modified_at_s")?,
    })
}
