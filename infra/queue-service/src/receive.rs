//! Receiving: which messages are due, where those go that were received too often, and how long to
//! wait.

use std::time::Duration;

use rusqlite::{Transaction, named_params};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::{
    Error, Message, QueueService,
    address::{Receipt, queue_arn},
    queues::{self, Queue},
    service::millis,
};

/// How to receive.
#[derive(Debug, Clone, Copy)]
pub struct Receive {
    /// At most this many messages, at least 1. Over HTTP at most 10.
    pub max_messages: usize,
    /// How long to wait for a message to be due; by default as long as the queue says.
    pub wait: Option<Duration>,
    /// How long the messages stay hidden; by default as long as the queue says.
    pub visibility_timeout: Option<Duration>,
}

impl QueueService {
    /// Receives due messages, oldest due time first, and waits for the first one as long as `how`
    /// says. It may be dropped at any time: messages are taken only by the call that returns them.
    pub async fn receive(&self, queue: &str, how: Receive) -> Result<Vec<Message>, Error> {
        let started = Instant::now();
        let wait = match how.wait {
            Some(wait) => wait,
            None => self.queue(queue)?.attributes.receive_wait,
        };
        let bell = self.bell(queue);
        loop {
            // Listened for before looking, so that a message sent in between is not missed.
            let woken = bell.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let now_ms = self.now_ms();
            let (messages, next_due_at_ms) = self.receive_now(queue, how, now_ms)?;
            let elapsed = started.elapsed();
            if !messages.is_empty() || elapsed >= wait {
                return Ok(messages);
            }
            let until_due = next_due_at_ms
                .and_then(|due_at_ms| u64::try_from(due_at_ms - now_ms).ok())
                .map_or(wait, Duration::from_millis);
            let pause = until_due.min(wait - elapsed);
            // A bell that rings ends the pause early.
            let _ = timeout(pause, woken).await;
        }
    }

    /// What is due now, and when the next hidden message falls due, in Unix milliseconds.
    fn receive_now(
        &self,
        queue: &str,
        how: Receive,
        now_ms: i64,
    ) -> Result<(Vec<Message>, Option<i64>), Error> {
        let (messages, next_due_at_ms, dead_lettered_to) =
            self.on_queue(queue, |transaction, queue| {
                let timeout = how.visibility_timeout;
                let timeout = timeout.unwrap_or(queue.attributes.visibility_timeout);
                let visible_at_ms = now_ms + millis(timeout);
                drop_expired(transaction, &queue, now_ms)?;
                let dead_lettered_to = dead_letter(transaction, &queue, now_ms)?;
                let due = due(transaction, &queue, how.max_messages, now_ms)?.into_iter();
                let messages = due
                    .map(|row| take(transaction, &queue, row, visible_at_ms, now_ms))
                    .collect::<Result<Vec<_>, Error>>()?;
                let next_due_at_ms = next_due_at_ms(transaction, &queue, now_ms)?;
                Ok((messages, next_due_at_ms, dead_lettered_to))
            })?;
        if let Some(dead_letter_queue) = dead_lettered_to {
            self.bell(&dead_letter_queue).notify_waiters();
        }
        Ok((messages, next_due_at_ms))
    }

    /// How long it takes until the first message of all queues falls due: zero if one is due
    /// already, none if there are no messages. Dead letters do not count: nobody waits for them.
    pub fn until_next_due(&self) -> Result<Option<Duration>, Error> {
        let due_at_ms: Option<i64> = self.transact(|transaction| {
            let due_at_ms = transaction.query_row(
                "SELECT min(visible_at_ms) FROM messages WHERE dead_letter_source IS NULL",
                [],
                |row| row.get(0),
            )?;
            Ok(due_at_ms)
        })?;
        let now_ms = self.now_ms();
        Ok(due_at_ms.map(|due_at_ms| {
            let ms = due_at_ms.saturating_sub(now_ms);
            Duration::from_millis(u64::try_from(ms).unwrap_or_default())
        }))
    }
}

/// Deletes the messages that have outlived the retention period.
fn drop_expired(transaction: &Transaction<'_>, queue: &Queue, now_ms: i64) -> Result<(), Error> {
    transaction
        .prepare_cached("DELETE FROM messages WHERE queue_id = ?1 AND sent_at_ms <= ?2")?
        .execute((queue.id, queue.oldest_ms(now_ms)))?;
    Ok(())
}

/// Moves what was received as often as the redrive policy allows to the dead-letter queue: the same
/// messages, with the time they were first sent. Gives the dead-letter queue's name if any went.
fn dead_letter(
    transaction: &Transaction<'_>,
    queue: &Queue,
    now_ms: i64,
) -> Result<Option<String>, Error> {
    let Some(policy) = &queue.attributes.redrive_policy else {
        return Ok(None);
    };
    let Some(target) = queues::find(transaction, &policy.dead_letter_queue)? else {
        return Err(Error::QueueDoesNotExist);
    };
    let moved = transaction
        .prepare_cached(
            "UPDATE messages SET queue_id = :target_id, dead_letter_source = :source_arn,
                 visible_at_ms = :now_ms, receipt = NULL,
                 receives_before = receives_before + receive_count, receive_count = 0
             WHERE queue_id = :queue_id AND visible_at_ms <= :now_ms
                 AND receive_count >= :maximum_receives",
        )?
        .execute(named_params! {
            ":target_id": target.id,
            ":source_arn": queue_arn(&queue.name),
            ":now_ms": now_ms,
            ":queue_id": queue.id,
            ":maximum_receives": policy.maximum_receives,
        })?;
    Ok((moved > 0).then_some(target.name))
}

/// The rows of due messages.
fn due(
    transaction: &Transaction<'_>,
    queue: &Queue,
    limit: usize,
    now_ms: i64,
) -> Result<Vec<i64>, Error> {
    let mut statement = transaction.prepare_cached(
        "SELECT id FROM messages WHERE queue_id = ?1 AND visible_at_ms <= ?2
         ORDER BY visible_at_ms, id LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((queue.id, now_ms, limit), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Receives a message: hides it under a new receipt.
fn take(
    transaction: &Transaction<'_>,
    queue: &Queue,
    message_row: i64,
    visible_at_ms: i64,
    now_ms: i64,
) -> Result<Message, Error> {
    let receipt = Receipt {
        queue_id: queue.id,
        message_row,
        token: Uuid::new_v4().simple().to_string(),
    };
    let mut statement = transaction.prepare_cached(
        "UPDATE messages SET visible_at_ms = ?2, receipt = ?3, receive_count = receive_count + 1,
             first_received_at_ms = coalesce(first_received_at_ms, ?4)
         WHERE id = ?1 RETURNING *, receives_before + receive_count AS receives",
    )?;
    let parameters = (message_row, visible_at_ms, &receipt.token, now_ms);
    let message = statement.query_row(parameters, |row| {
        Ok(Message {
            message_id: row.get("message_id")?,
            receipt_handle: receipt.to_handle(),
            body: row.get("body")?,
            sent_at_ms: row.get("sent_at_ms")?,
            first_received_at_ms: row.get("first_received_at_ms")?,
            receive_count: row.get("receives")?,
            dead_letter_source: row.get("dead_letter_source")?,
            trace_header: row.get("trace_header")?,
        })
    })?;
    Ok(message)
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
