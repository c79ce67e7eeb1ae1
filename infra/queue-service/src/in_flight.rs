//! What may be done with a message that was received: delete it, or change when it comes back.

use std::time::Duration;

use rusqlite::OptionalExtension as _;

use crate::{Error, QueueService, address::Receipt, service::millis};

impl QueueService {
    /// Deletes a received message. A message that is gone already, or was received again since, is
    /// left as it is, which is a success: a delete may be repeated.
    pub fn delete(&self, queue: &str, receipt_handle: &str) -> Result<(), Error> {
        self.on_queue(queue, |transaction, queue| {
            let receipt = Receipt::from_handle(receipt_handle, queue.id)?;
            transaction
                .prepare_cached("DELETE FROM messages WHERE id = ?1 AND receipt = ?2")?
                .execute((receipt.message_row, &receipt.token))?;
            Ok(())
        })
    }

    /// Makes a received message visible again after `timeout`.
    pub fn change_visibility(
        &self,
        queue: &str,
        receipt_handle: &str,
        timeout: Duration,
    ) -> Result<(), Error> {
        let now_ms = self.now_ms();
        self.on_queue(queue, |transaction, queue| {
            let receipt = Receipt::from_handle(receipt_handle, queue.id)?;
            let visible_at_ms: Option<i64> = transaction
                .prepare_cached(
                    "SELECT visible_at_ms FROM messages WHERE id = ?1 AND receipt = ?2",
                )?
                .query_row((receipt.message_row, &receipt.token), |row| row.get(0))
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
                .execute((receipt.message_row, now_ms + millis(timeout)))?;
            Ok(())
        })?;
        self.bell(queue).notify_waiters();
        Ok(())
    }
}
