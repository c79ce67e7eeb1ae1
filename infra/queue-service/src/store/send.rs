//! Sending: a new message, or the news that it is a duplicate.

use rusqlite::{OptionalExtension as _, Transaction, named_params};
use uuid::Uuid;

use super::{Queue, to_json};
use crate::{Error, NewMessage, QueueAttributes, Sent, message_attributes};

/// How long a FIFO queue remembers deduplication ids.
const DEDUPLICATION_INTERVAL_MS: i64 = 5 * 60 * 1000;

/// Puts a message into a queue, hidden until its delay is over. A duplicate in a FIFO queue is not
/// stored, even if the first message has been deleted since; the sender learns the first one's id.
pub(crate) fn send(
    transaction: &Transaction<'_>,
    queue: &Queue,
    message: &NewMessage,
    now_ms: i64,
) -> Result<Sent, Error> {
    message.check(&queue.attributes)?;
    let Some(fifo) = &queue.attributes.fifo else {
        let (_row, message_id) = insert(transaction, queue, message, None, now_ms)?;
        return Ok(Sent {
            message_id,
            sequence_number: None,
        });
    };
    let deduplication_id = message.fifo_deduplication_id(fifo.content_based_deduplication)?;
    let scope = match &message.group_id {
        Some(group_id) if fifo.deduplicate_per_group => group_id,
        _ => "",
    };
    transaction
        .prepare_cached("DELETE FROM deduplications WHERE queue_id = ?1 AND expires_at_ms <= ?2")?
        .execute((queue.id, now_ms))?;
    let duplicate_of = transaction
        .prepare_cached(
            "SELECT message_id, sequence_number FROM deduplications
             WHERE queue_id = ?1 AND scope = ?2 AND deduplication_id = ?3",
        )?
        .query_row((queue.id, scope, &deduplication_id), |row| {
            Ok(Sent {
                message_id: row.get(0)?,
                sequence_number: row.get(1)?,
            })
        })
        .optional()?;
    if let Some(first) = duplicate_of {
        return Ok(first);
    }
    let (row, message_id) = insert(transaction, queue, message, Some(&deduplication_id), now_ms)?;
    let sequence_number = sequence_number(row);
    transaction
        .prepare_cached(
            "INSERT INTO deduplications
                 (queue_id, scope, deduplication_id, message_id, sequence_number, expires_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            queue.id,
            scope,
            &deduplication_id,
            &message_id,
            &sequence_number,
            now_ms + DEDUPLICATION_INTERVAL_MS,
        ))?;
    Ok(Sent {
        message_id,
        sequence_number: Some(sequence_number),
    })
}

/// The sequence number of a message in a FIFO queue: 20 digits, so that text sorts as numbers do.
pub(crate) fn sequence_number(row: i64) -> String {
    format!("{row:020}")
}

/// Gives the new row and message id.
fn insert(
    transaction: &Transaction<'_>,
    queue: &Queue,
    message: &NewMessage,
    deduplication_id: Option<&str>,
    now_ms: i64,
) -> Result<(i64, String), Error> {
    let message_id = Uuid::new_v4().to_string();
    transaction
        .prepare_cached(
            "INSERT INTO messages (queue_id, message_id, body, attributes, trace_header, group_id,
                 deduplication_id, sent_at_ms, visible_at_ms)
             VALUES (:queue_id, :message_id, :body, :attributes, :trace_header, :group_id,
                 :deduplication_id, :sent_at_ms, :visible_at_ms)",
        )?
        .execute(named_params! {
            ":queue_id": queue.id,
            ":message_id": message_id,
            ":body": message.body,
            ":attributes": to_json(&message_attributes::to_wire(&message.attributes))?,
            ":trace_header": message.trace_header,
            ":group_id": message.group_id,
            ":deduplication_id": deduplication_id,
            ":sent_at_ms": now_ms,
            ":visible_at_ms": now_ms + delay_ms(&queue.attributes, message),
        })?;
    Ok((transaction.last_insert_rowid(), message_id))
}

/// The delay of a FIFO queue is the queue's, whatever the message says (it may only say 0).
fn delay_ms(queue: &QueueAttributes, message: &NewMessage) -> i64 {
    let own = if queue.fifo.is_some() {
        None
    } else {
        message.delay_seconds
    };
    own.unwrap_or(i64::from(queue.delay_seconds)) * 1000
}
