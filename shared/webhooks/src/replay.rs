//! Replay: send a delivery again, whatever became of it.

use bestow_clock::{Clock, IdSource};
use thiserror::Error;

use crate::MAX_CONTENTION;
use crate::delivery::Delivery;
use crate::delivery_id::DeliveryId;
use crate::ports::{
    Deliveries, DeliveriesError, DeliveryMessage, Stored, Update, WebhookQueue, WebhookQueueError,
};

/// How long a replay's message waits, in seconds: it goes out first, and the replay is recorded meanwhile.
const DELAY_SECONDS: u32 = 1;

/// The use case, and what it works with.
pub struct Replay<D, Q, S> {
    /// The table.
    pub deliveries: D,
    /// The queue for the attempt.
    pub queue: Q,
    /// Tells the time, and draws ids and jitter.
    pub system: S,
}

/// Why a delivery is not sent again. Whoever asked for it may ask again.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The table gave no answer.
    #[error(transparent)]
    Deliveries(#[from] DeliveriesError),
    /// The attempt could not be scheduled.
    #[error(transparent)]
    Queue(#[from] WebhookQueueError),
    /// Others kept changing the delivery.
    #[error("the delivery is being changed by too many at once")]
    Contention,
}

impl<D: Deliveries, Q: WebhookQueue, S: Clock + IdSource> Replay<D, Q, S> {
    /// Sends the delivery `id` again, at once, and from there on by the schedule; `None` if there is none.
    ///
    /// The message goes out first, so that a delivery which is recorded as pending is always on its way. If
    /// the recording fails, the message finds a settled delivery and is dropped in the end.
    pub async fn replay(&self, id: &DeliveryId) -> Result<Option<Delivery>, ReplayError> {
        let Some(mut stored) = self.deliveries.get(id).await? else {
            return Ok(None);
        };
        for _ in 0..MAX_CONTENTION {
            let delivery = stored.delivery.replayed(self.system.now().as_millisecond());
            let message = DeliveryMessage {
                delivery_id: id.clone(),
                attempt: delivery.attempt,
            };
            self.queue.send(&message, DELAY_SECONDS).await?;
            let after = Stored {
                delivery,
                write_id: self.system.uuid(),
            };
            match self.deliveries.update(stored.write_id, &after).await? {
                Update::Done => return Ok(Some(after.delivery)),
                Update::Gone => return Ok(None),
                Update::Overtaken(current) => stored = *current,
            }
        }
        Err(ReplayError::Contention)
    }
}
