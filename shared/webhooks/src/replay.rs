//! Replay: send a delivery again, whatever became of it.

use std::time::Duration;

use bestow_clock::{Clock, IdSource};

use crate::deliver::{DeliverError, replace};
use crate::delivery::Delivery;
use crate::delivery_id::DeliveryId;
use crate::ports::{Deliveries, DeliveryMessage, WebhookQueue};

/// How long a replay's message waits: it goes out first, and the replay is recorded meanwhile.
const DELAY: Duration = Duration::from_secs(1);

/// The use case, and what it works with.
pub struct Replay<D, Q, S> {
    /// The table.
    pub deliveries: D,
    /// The queue for the attempt.
    pub queue: Q,
    /// The clock, and the source of ids.
    pub system: S,
}

impl<D: Deliveries, Q: WebhookQueue, S: Clock + IdSource> Replay<D, Q, S> {
    /// Sends the delivery `id` again, at once, and from there on by the schedule; `None` if there is none.
    ///
    /// The message goes out first, so that a delivery which is recorded as pending is always on its way. If that cannot
    /// be recorded, the message finds a settled delivery and is dropped in the end.
    pub async fn replay(&self, id: &DeliveryId) -> Result<Option<Delivery>, DeliverError> {
        let Some(delivery) = self.deliveries.get(id).await? else {
            return Ok(None);
        };
        replace(
            &self.deliveries,
            &self.system,
            delivery,
            |known| async move {
                let delivery = known.replayed(self.system.now());
                let message = DeliveryMessage {
                    delivery_id: id.clone(),
                    attempt: delivery.attempt,
                };
                self.queue.send(&message, DELAY).await?;
                Ok((Some(delivery.clone()), delivery))
            },
        )
        .await
    }
}
