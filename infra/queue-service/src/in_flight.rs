//! What may be done with a message that was received: delete it, or change when it comes back.

use rusqlite::OptionalExtension as _;

use crate::{
    Error, QueueService,
    address::Receipt,
    limits::{VISIBILITY_SECONDS, check_range},
    queues::Queue,
};

impl QueueService {
    /// Deletes a received message. A message that is gone already, or was received again since, is
    /// left as it is, which is a success: a delete may be repeated.
    pub fn delete(&self, queue: &str, receipt_handle: &str) -> Result<(), Error> {
        self.on_queue(queue, |transaction, queue| {
            let receipt = receipt_for(queue, receipt_handle)?;
            transaction
                .prepare_cached(
                    "DELETE FROM messages WHERE id = ?1 AND queue_id = ?2 AND receipt = ?3",
                )?
                .execute((receipt.message_row, queue.id, &receipt.token))?;
            Ok(())
        })
    }

    /// Makes a received message visible again `seconds` from now, 0 to 43200.
    pub fn change_visibility(
        &self,
        queue: &str,
        receipt_handle: &str,
        seconds: i64,
    ) -> Result<(), Error> {
        check_range("VisibilityTimeout", seconds, VISIBILITY_SECONDS)?;
        let now_ms = self.now_ms();
        self.on_queue(queue, |transaction, queue| {
            let receipt = receipt_for(queue, receipt_handle)?;
            let visible_at_ms: Option<i64> = transaction
                .prepare_cached(
                    "SELECT visible_at_ms FROM messages
                     WHERE id = ?1 AND queue_id = ?2 AND receipt = ?3",
                )?
                .query_row((receipt.message_row, queue.id, &receipt.token), |row| {
                    row.get(0)
                })
                .optional()?;
            let visible_at_ms = visible_at_ms.ok_or_else(|| {
                Error::InvalidParameterValue(
                    "The value for parameter ReceiptHandle is invalid. Reason: Message does not \
                     exist or is not available for visibility timeout change."
                        .to_owned(),
                )
            })?;
            if visible_at_ms <= now_ms {
                return Err(Error::MessageNotInflight);
            }
            transaction
                .prepare_cached("UPDATE messages SET visible_at_ms = ?2 WHERE id = ?1")?
                .execute((receipt.message_row, now_ms + seconds * 1000))?;
            Ok(())
        })?;
        self.wake(queue);
        Ok(())
    }
}

/// Reads a handle of this queue; one of another queue is invalid.
fn receipt_for(queue: &Queue, handle: &str) -> Result<Receipt, Error> {
    let receipt = Receipt::from_handle(handle)?;
    if receipt.queue_id == queue.id {
        Ok(receipt)
    } else {
        Err(Error::ReceiptHandleIsInvalid)
    }
}
