//! Sending.

use rusqlite::named_params;
use uuid::Uuid;

use crate::{Error, NewMessage, QueueService, service::millis};

impl QueueService {
    /// Sends a message, hidden until its delay is over, and gives its id.
    pub fn send(&self, queue: &str, message: &NewMessage) -> Result<String, Error> {
        let now_ms = self.now_ms();
        let message_id = Uuid::new_v4().to_string();
        self.on_queue(queue, |transaction, queue| {
            message.check(&queue.attributes)?;
            let delay = message.delay.unwrap_or(queue.attributes.delay);
            transaction
                .prepare_cached(
                    "INSERT INTO messages
                         (queue_id, message_id, body, trace_header, sent_at_ms, visible_at_ms)
                     VALUES
                         (:queue_id, :message_id, :body, :trace_header, :now_ms, :visible_at_ms)",
                )?
                .execute(named_params! {
                    ":queue_id": queue.id,
                    ":message_id": message_id,
                    ":body": message.body,
                    ":trace_header": message.trace_header,
                    ":now_ms": now_ms,
                    ":visible_at_ms": now_ms + millis(delay),
                })?;
            Ok(())
        })?;
        self.bell(queue).notify_waiters();
        Ok(message_id)
    }
}
