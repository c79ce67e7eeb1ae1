//! Move tasks: dead letters back to where they came from.

use std::collections::BTreeSet;

use rusqlite::{Transaction, named_params};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Error, QueueService, address,
    queues::{self, Queue},
};

impl QueueService {
    /// Moves all visible messages of a dead-letter queue back, each to the queue that it was
    /// dead-lettered from. Gives the handle of the task, which is over already.
    pub(crate) fn start_move_task(&self, source_arn: &str) -> Result<String, Error> {
        let now_ms = self.now_ms();
        let reached = self.transact(|transaction| {
            let source = find_by_arn(transaction, source_arn)?;
            check_is_dead_letter_queue(transaction, &source)?;
            let messages = visible_messages(transaction, &source, now_ms)?;
            let (to_move, mut moved) = (messages.len(), 0);
            let mut reached = BTreeSet::new();
            for (row, origin_arn) in messages {
                match find_by_arn(transaction, &origin_arn.unwrap_or_default()) {
                    Ok(origin) => {
                        move_message(transaction, row, &origin, now_ms)?;
                        reached.insert(origin.name);
                        moved += 1;
                    }
                    Err(Error::ResourceNotFoundException(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            transaction
                .prepare_cached(
                    "INSERT INTO move_tasks (source_arn, to_move, moved, started_at_ms)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((source_arn, to_move, moved, now_ms))?;
            Ok(reached)
        })?;
        for queue in reached {
            self.bell(&queue).notify_waiters();
        }
        Ok(Uuid::new_v4().to_string())
    }

    /// The newest tasks of a source queue, newest first, as `ListMessageMoveTasks` shows them. One failed if it did
    /// not know where some of its messages came from.
    pub(crate) fn move_tasks(&self, source_arn: &str, limit: i64) -> Result<Vec<Value>, Error> {
        self.transact(|transaction| {
            find_by_arn(transaction, source_arn)?;
            let mut statement = transaction.prepare_cached(
                "SELECT to_move, moved, started_at_ms FROM move_tasks
                 WHERE source_arn = ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            let tasks = statement
                .query_map((source_arn, limit), |row| {
                    let (to_move, moved): (i64, i64) = (row.get(0)?, row.get(1)?);
                    let failed = moved < to_move;
                    Ok(json!({
                        "Status": if failed { "FAILED" } else { "COMPLETED" },
                        "FailureReason": failed.then_some("CouldNotDetermineMessageSource"),
                        "SourceArn": source_arn,
                        "ApproximateNumberOfMessagesToMove": to_move,
                        "ApproximateNumberOfMessagesMoved": moved,
                        "StartedTimestamp": row.get::<_, i64>(2)?,
                    }))
                })?
                .collect::<Result<_, _>>()?;
            Ok(tasks)
        })
    }
}

fn find_by_arn(transaction: &Transaction<'_>, arn: &str) -> Result<Queue, Error> {
    let absent = || Error::ResourceNotFoundException(arn.to_owned());
    let name = address::name_in_arn(arn).ok_or_else(absent)?;
    queues::find(transaction, name)?.ok_or_else(absent)
}

fn check_is_dead_letter_queue(transaction: &Transaction<'_>, queue: &Queue) -> Result<(), Error> {
    let has_source = queues::list(transaction)?.iter().any(|source| {
        let policy = source.attributes.redrive_policy.as_ref();
        policy.is_some_and(|policy| policy.dead_letter_queue == queue.name)
    });
    if has_source {
        return Ok(());
    }
    Err(Error::InvalidParameterValue(
        "Source queue must be configured as a Dead Letter Queue.".to_owned(),
    ))
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

/// As in SQS, what arrives is a new message with a new id.
fn move_message(
    transaction: &Transaction<'_>,
    row: i64,
    target: &Queue,
    now_ms: i64,
) -> Result<(), Error> {
    transaction
        .prepare_cached(
            "UPDATE messages SET queue_id = :queue_id, message_id = :message_id,
                 sent_at_ms = :now_ms, visible_at_ms = :now_ms, receipt = NULL, receive_count = 0,
                 receives_before = 0, first_received_at_ms = NULL, dead_letter_source = NULL
             WHERE id = :row",
        )?
        .execute(named_params! {
            ":queue_id": target.id,
            ":message_id": Uuid::new_v4().to_string(),
            ":now_ms": now_ms,
            ":row": row,
        })?;
    Ok(())
}
