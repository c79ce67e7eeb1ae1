//! Receiving: which messages are due, and where those go that were received too often.

use rusqlite::{Row, Transaction, named_params};
use uuid::Uuid;

use super::{Queue, find, from_json, send::sequence_number};
use crate::{
    Error, Message, RedrivePolicy,
    address::{Receipt, queue_arn},
    message_attributes,
};

/// What a receive found.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) messages: Vec<Message>,
    /// When the next hidden message falls due, in Unix milliseconds.
    pub(crate) next_due_at_ms: Option<i64>,
    /// The dead-letter queue's name, if messages went there.
    pub(crate) dead_lettered_to: Option<String>,
}

/// Due messages, oldest due time first.
const DUE: &str = "
    SELECT * FROM messages
    WHERE queue_id = :queue_id AND visible_at_ms <= :now_ms
    ORDER BY visible_at_ms, id LIMIT :limit";

/// Due messages in the order they were sent, without those whose group is blocked: by a message of
/// it that is in flight, or by an earlier one that is still delayed.
const DUE_IN_ORDER: &str = "
    SELECT * FROM messages AS message
    WHERE queue_id = :queue_id AND visible_at_ms <= :now_ms
        AND NOT EXISTS (
            SELECT 1 FROM messages AS other
            WHERE other.queue_id = :queue_id AND other.group_id = message.group_id
                AND other.visible_at_ms > :now_ms
                AND (other.receipt IS NOT NULL OR other.id < message.id))
    ORDER BY id LIMIT :limit";

/// Takes up to `limit` due messages and hides them for `visibility_ms`. Messages that have been
/// received as often as the redrive policy allows go to the dead-letter queue instead, and those
/// past the retention period go away.
pub(crate) fn receive(
    transaction: &Transaction<'_>,
    queue: &Queue,
    limit: usize,
    visibility_ms: i64,
    now_ms: i64,
) -> Result<Received, Error> {
    drop_expired(transaction, queue, now_ms)?;
    let redrive = redrive_target(transaction, queue)?;
    let mut received = Received::default();
    loop {
        let due = due(transaction, queue, limit - received.messages.len(), now_ms)?;
        let mut dead_lettered = false;
        for message in due {
            match &redrive {
                Some((policy, target))
                    if message.receive_count >= i64::from(policy.maximum_receives) =>
                {
                    dead_letter(transaction, queue, target, message.row, now_ms)?;
                    received.dead_lettered_to = Some(target.name.clone());
                    dead_lettered = true;
                }
                _ => {
                    let message = take(transaction, queue, message, visibility_ms, now_ms)?;
                    received.messages.push(message);
                }
            }
        }
        // Whatever was dead-lettered made room, and may have unblocked its group.
        if !dead_lettered || received.messages.len() >= limit {
            break;
        }
    }
    if received.messages.is_empty() {
        received.next_due_at_ms = next_due_at_ms(transaction, queue, now_ms)?;
    }
    Ok(received)
}

/// A message that is due, and what is needed to decide about it.
struct Due {
    row: i64,
    receive_count: i64,
    receives_before: i64,
    message: Message,
}

fn due(
    transaction: &Transaction<'_>,
    queue: &Queue,
    limit: usize,
    now_ms: i64,
) -> Result<Vec<Due>, Error> {
    let query = if queue.attributes.fifo.is_some() {
        DUE_IN_ORDER
    } else {
        DUE
    };
    let mut statement = transaction.prepare_cached(query)?;
    let mut rows = statement.query(named_params! {
        ":queue_id": queue.id,
        ":now_ms": now_ms,
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    })?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        due.push(read(row, queue, now_ms)?);
    }
    Ok(due)
}

/// Hides a message under a new receipt.
fn take(
    transaction: &Transaction<'_>,
    queue: &Queue,
    due: Due,
    visibility_ms: i64,
    now_ms: i64,
) -> Result<Message, Error> {
    let Due {
        row,
        receive_count,
        receives_before,
        mut message,
    } = due;
    let receipt = Receipt {
        queue_id: queue.id,
        message_row: row,
        token: Uuid::new_v4().simple().to_string(),
    };
    transaction
        .prepare_cached(
            "UPDATE messages SET visible_at_ms = ?2, receipt = ?3,
                 receive_count = receive_count + 1, first_received_at_ms = ?4
             WHERE id = ?1",
        )?
        .execute((
            row,
            now_ms + visibility_ms,
            &receipt.token,
            message.first_received_at_ms,
        ))?;
    message.receipt_handle = receipt.to_handle();
    message.receive_count = receives_before + receive_count + 1;
    Ok(message)
}

/// Moves a message to the dead-letter queue: the same message, with the time it was first sent.
fn dead_letter(
    transaction: &Transaction<'_>,
    source: &Queue,
    target: &Queue,
    row: i64,
    now_ms: i64,
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "UPDATE messages SET queue_id = ?2, dead_letter_source = ?3, visible_at_ms = ?4,
                 receipt = NULL, receives_before = receives_before + receive_count,
                 receive_count = 0
             WHERE id = ?1",
        )?
        .execute((row, target.id, queue_arn(&source.name), now_ms))?;
    Ok(())
}

/// The redrive policy and its queue. A dead-letter queue that was deleted takes no messages: they
/// are received once more rather than lost.
fn redrive_target<'a>(
    transaction: &Transaction<'_>,
    queue: &'a Queue,
) -> Result<Option<(&'a RedrivePolicy, Queue)>, Error> {
    let Some(policy) = &queue.attributes.redrive_policy else {
        return Ok(None);
    };
    match find(transaction, policy.dead_letter_name()) {
        Ok(target) => Ok(Some((policy, target))),
        Err(Error::QueueDoesNotExist) => Ok(None),
        Err(error) => Err(error),
    }
}

fn drop_expired(transaction: &Transaction<'_>, queue: &Queue, now_ms: i64) -> Result<(), Error> {
    transaction
        .prepare_cached("DELETE FROM messages WHERE queue_id = ?1 AND sent_at_ms <= ?2")?
        .execute((queue.id, queue.oldest_ms(now_ms)))?;
    Ok(())
}

fn next_due_at_ms(
    transaction: &Transaction<'_>,
    queue: &Queue,
    now_ms: i64,
) -> Result<Option<i64>, Error> {
    let due = transaction
        .prepare_cached(
            "SELECT min(visible_at_ms) FROM messages WHERE queue_id = ?1 AND visible_at_ms > ?2",
        )?
        .query_row((queue.id, now_ms), |row| row.get(0))?;
    Ok(due)
}

/// When the first message of all queues falls due or did, in Unix milliseconds. Dead letters do not count:
/// nobody waits for them.
pub(crate) fn first_due_at_ms(transaction: &Transaction<'_>) -> Result<Option<i64>, Error> {
    let due = transaction
        .prepare_cached("SELECT min(visible_at_ms) FROM messages WHERE dead_letter_source IS NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(due)
}

fn read(row: &Row<'_>, queue: &Queue, now_ms: i64) -> Result<Due, Error> {
    let id = row.get("id")?;
    let attributes: String = row.get("attributes")?;
    let first_received_at_ms: Option<i64> = row.get("first_received_at_ms")?;
    Ok(Due {
        row: id,
        receive_count: row.get("receive_count")?,
        receives_before: row.get("receives_before")?,
        message: Message {
            message_id: row.get("message_id")?,
            receipt_handle: String::new(),
            body: row.get("body")?,
            attributes: message_attributes::from_wire(from_json(&attributes)?)?,
            sent_at_ms: row.get("sent_at_ms")?,
            first_received_at_ms: first_received_at_ms.unwrap_or(now_ms),
            receive_count: 0,
            dead_letter_source: row.get("dead_letter_source")?,
            trace_header: row.get("trace_header")?,
            group_id: row.get("group_id")?,
            deduplication_id: row.get("deduplication_id")?,
            sequence_number: queue.attributes.fifo.as_ref().map(|_| sequence_number(id)),
        },
    })
}
