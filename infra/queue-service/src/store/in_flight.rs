//! What may be done with a message that was received: delete it, or change when it comes back.

use rusqlite::{OptionalExtension as _, Transaction};

use super::Queue;
use crate::{Error, address::Receipt, queue_attributes::MAXIMUM_VISIBILITY_SECONDS};

/// Deletes a received message. A message that is gone already, or was received again since, is left
/// as it is, which is a success: a delete may be repeated. In a FIFO queue a receive that has timed
/// out may no longer delete, because the message's group has moved on.
pub(crate) fn delete(
    transaction: &Transaction<'_>,
    queue: &Queue,
    handle: &str,
    now_ms: i64,
) -> Result<(), Error> {
    let receipt = receipt_for(queue, handle)?;
    let timed_out = match visible_at_ms(transaction, queue, &receipt)? {
        None => return Ok(()),
        Some(visible_at_ms) => visible_at_ms <= now_ms,
    };
    if timed_out && queue.attributes.fifo.is_some() {
        return Err(unusable_handle("The receipt handle has expired."));
    }
    transaction
        .prepare_cached("DELETE FROM messages WHERE id = ?1")?
        .execute([receipt.message_row])?;
    Ok(())
}

/// Makes a message that is in flight visible `seconds` from now: 0 gives it back at once, more keeps
/// it hidden for longer. Up to 43200 seconds.
pub(crate) fn change_visibility(
    transaction: &Transaction<'_>,
    queue: &Queue,
    handle: &str,
    seconds: i64,
    now_ms: i64,
) -> Result<(), Error> {
    check_visibility(seconds)?;
    let receipt = receipt_for(queue, handle)?;
    match visible_at_ms(transaction, queue, &receipt)? {
        None => Err(unusable_handle(
            "Message does not exist or is not available for visibility timeout change.",
        )),
        Some(visible_at_ms) if visible_at_ms <= now_ms => Err(Error::MessageNotInflight),
        Some(_) => {
            transaction
                .prepare_cached("UPDATE messages SET visible_at_ms = ?2 WHERE id = ?1")?
                .execute((receipt.message_row, now_ms + seconds * 1000))?;
            Ok(())
        }
    }
}

/// Visibility time-outs are 0 to 43200 seconds.
pub(crate) fn check_visibility(seconds: i64) -> Result<(), Error> {
    if (0..=i64::from(MAXIMUM_VISIBILITY_SECONDS)).contains(&seconds) {
        return Ok(());
    }
    Err(Error::InvalidParameterValue(format!(
        "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout \
         must be >= 0 and <= {MAXIMUM_VISIBILITY_SECONDS}."
    )))
}

/// Reads a handle of this queue; one of another queue is invalid.
fn receipt_for(queue: &Queue, handle: &str) -> Result<Receipt, Error> {
    if handle.is_empty() {
        return Err(Error::MissingParameter("ReceiptHandle"));
    }
    let receipt = Receipt::from_handle(handle)?;
    if receipt.queue_id == queue.id {
        Ok(receipt)
    } else {
        Err(Error::ReceiptHandleIsInvalid)
    }
}

/// When the message comes back; none if it is gone, or another receive has it.
fn visible_at_ms(
    transaction: &Transaction<'_>,
    queue: &Queue,
    receipt: &Receipt,
) -> Result<Option<i64>, Error> {
    let visible_at_ms = transaction
        .prepare_cached(
            "SELECT visible_at_ms FROM messages WHERE id = ?1 AND queue_id = ?2 AND receipt = ?3",
        )?
        .query_row((receipt.message_row, queue.id, &receipt.token), |row| {
            row.get(0)
        })
        .optional()?;
    Ok(visible_at_ms)
}

fn unusable_handle(reason: &str) -> Error {
    Error::InvalidParameterValue(format!(
        "The value for parameter ReceiptHandle is invalid. Reason: {reason}"
    ))
}
