//! Move tasks: dead letters back to where they came from, or on to another queue.

use std::collections::BTreeSet;

use rusqlite::{Row, Transaction, named_params};
use uuid::Uuid;

use super::{Queue, find, list};
use crate::{Error, address};

/// A move task. It ran when it was started, so it is over: completed if it moved all messages,
/// failed if it did not know where some of them came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MoveTask {
    pub(crate) handle: String,
    pub(crate) source_arn: String,
    pub(crate) destination_arn: Option<String>,
    /// The rate that was asked for.
    pub(crate) per_second: Option<i64>,
    pub(crate) to_move: i64,
    pub(crate) moved: i64,
    /// Unix milliseconds.
    pub(crate) started_at_ms: i64,
}

/// Moves all visible messages of a dead-letter queue to `destination_arn`, or each back to the
/// queue that it was dead-lettered from. As in SQS, what arrives is a new message with a new id.
/// Gives the task, and the names of the queues that got messages.
pub(crate) fn start_move_task(
    transaction: &Transaction<'_>,
    source_arn: &str,
    destination_arn: Option<&str>,
    per_second: Option<i64>,
    now_ms: i64,
) -> Result<(MoveTask, BTreeSet<String>), Error> {
    if per_second.is_some_and(|rate| !(1..=500).contains(&rate)) {
        return Err(Error::InvalidParameterValue(
            "MaxNumberOfMessagesPerSecond must be >= 1 and <= 500.".to_owned(),
        ));
    }
    let source = find_by_arn(transaction, source_arn)?;
    let is_dead_letter_queue = list(transaction, "")?.iter().any(|queue| {
        queue
            .attributes
            .redrive_policy
            .as_ref()
            .map(|policy| policy.dead_letter_name())
            == Some(&source.name)
    });
    if !is_dead_letter_queue {
        return Err(Error::InvalidParameterValue(
            "Source queue must be configured as a Dead Letter Queue.".to_owned(),
        ));
    }
    let destination = destination_arn
        .map(|arn| find_by_arn(transaction, arn))
        .transpose()?;
    let messages = visible_messages(transaction, &source, now_ms)?;
    let mut task = MoveTask {
        handle: Uuid::new_v4().to_string(),
        source_arn: source_arn.to_owned(),
        destination_arn: destination_arn.map(str::to_owned),
        per_second,
        to_move: i64::try_from(messages.len()).unwrap_or(i64::MAX),
        moved: 0,
        started_at_ms: now_ms,
    };
    let mut reached = BTreeSet::new();
    for (row, origin_arn) in messages {
        let target = match (&destination, origin_arn) {
            (Some(destination), _) => destination.clone(),
            (None, Some(arn)) => match find_by_arn(transaction, &arn) {
                Ok(origin) => origin,
                Err(Error::ResourceNotFound(_)) => continue,
                Err(error) => return Err(error),
            },
            (None, None) => continue,
        };
        if target.attributes.fifo.is_some() != source.attributes.fifo.is_some() {
            return Err(Error::InvalidParameterValue(
                "Source and destination must both be FIFO queues or both be standard queues."
                    .to_owned(),
            ));
        }
        move_message(transaction, row, &target, now_ms)?;
        reached.insert(target.name);
        task.moved += 1;
    }
    record(transaction, &task)?;
    Ok((task, reached))
}

/// The newest tasks of a source queue, newest first.
pub(crate) fn move_tasks(
    transaction: &Transaction<'_>,
    source_arn: &str,
    limit: i64,
) -> Result<Vec<MoveTask>, Error> {
    find_by_arn(transaction, source_arn)?;
    let mut statement = transaction.prepare_cached(
        "SELECT * FROM move_tasks WHERE source_arn = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let tasks = statement
        .query_map((source_arn, limit), read)?
        .collect::<Result<_, _>>()?;
    Ok(tasks)
}

fn find_by_arn(transaction: &Transaction<'_>, arn: &str) -> Result<Queue, Error> {
    let absent = || {
        Error::ResourceNotFound(format!(
            "The resource that you specified doesn't exist: {arn}"
        ))
    };
    match find(transaction, address::name_in_arn(arn).ok_or_else(absent)?) {
        Err(Error::QueueDoesNotExist) => Err(absent()),
        found => found,
    }
}

/// Rows and origins of the messages that a task moves, in order.
fn visible_messages(
    transaction: &Transaction<'_>,
    queue: &Queue,
    now_ms: i64,
) -> Result<Vec<(i64, Option<String>)>, Error> {
    let mut statement = transaction.prepare_cached(
        "SELECT id, dead_letter_source FROM messages
         WHERE queue_id = ?1 AND visible_at_ms <= ?2 AND sent_at_ms > ?3 ORDER BY id",
    )?;
    let messages = statement
        .query_map((queue.id, now_ms, queue.oldest_ms(now_ms)), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(messages)
}

/// A new row, because the row number is the order in a FIFO queue: what is moved goes to the end.
fn move_message(
    transaction: &Transaction<'_>,
    row: i64,
    target: &Queue,
    now_ms: i64,
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO messages (queue_id, message_id, body, attributes, trace_header, group_id,
                 deduplication_id, sent_at_ms, visible_at_ms)
             SELECT :queue_id, :message_id, body, attributes, trace_header, group_id,
                 deduplication_id, :now_ms, :now_ms
             FROM messages WHERE id = :row",
        )?
        .execute(named_params! {
            ":queue_id": target.id,
            ":message_id": Uuid::new_v4().to_string(),
            ":now_ms": now_ms,
            ":row": row,
        })?;
    transaction
        .prepare_cached("DELETE FROM messages WHERE id = ?1")?
        .execute([row])?;
    Ok(())
}

fn record(transaction: &Transaction<'_>, task: &MoveTask) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "INSERT INTO move_tasks (handle, source_arn, destination_arn, per_second, to_move,
                 moved, started_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            &task.handle,
            &task.source_arn,
            &task.destination_arn,
            task.per_second,
            task.to_move,
            task.moved,
            task.started_at_ms,
        ))?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<MoveTask> {
    Ok(MoveTask {
        handle: row.get("handle")?,
        source_arn: row.get("source_arn")?,
        destination_arn: row.get("destination_arn")?,
        per_second: row.get("per_second")?,
        to_move: row.get("to_move")?,
        moved: row.get("moved")?,
        started_at_ms: row.get("started_at_ms")?,
    })
}
