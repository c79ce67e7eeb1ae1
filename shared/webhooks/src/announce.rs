//! Announce: one delivery of a change for each subscription that wants it.

use std::time::Duration;

use bestow_clock::{Clock, IdSource};
use bestow_issuance::Change;
use futures::future::join_all;
use thiserror::Error;

use crate::delivery::{CallbackUrl, Delivery, State};
use crate::delivery_id::DeliveryId;
use crate::ports::{
    Deliveries, DeliveriesError, DeliveryMessage, Update, WebhookQueue, WebhookQueueError,
};
use crate::subscription::{AccountSubscriptions, SubscriptionId};

/// The use case, and what it works with.
pub struct Announce<D, Q, S> {
    /// The table.
    pub deliveries: D,
    /// The queue for the first attempts.
    pub queue: Q,
    /// The clock, and the source of ids.
    pub system: S,
    /// Who wants to be told of every issuance.
    pub subscriptions: AccountSubscriptions,
}

/// Why a change is not on its way to everyone. To announce it again makes no delivery twice.
#[derive(Debug, Error)]
pub enum AnnounceError {
    /// The table gave no answer.
    #[error(transparent)]
    Deliveries(#[from] DeliveriesError),
    /// A first attempt could not be enqueued.
    #[error(transparent)]
    Queue(#[from] WebhookQueueError),
    /// The status could not be written as JSON.
    #[error("the status cannot be written: {0}")]
    Body(serde_json::Error),
}

impl AnnounceError {
    /// Whether it would be the same each time.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Deliveries(DeliveriesError::Malformed { .. }) | Self::Body(_) => true,
            Self::Deliveries(DeliveriesError::Unavailable(_)) | Self::Queue(_) => false,
        }
    }
}

impl<D: Deliveries, Q: WebhookQueue, S: Clock + IdSource> Announce<D, Q, S> {
    /// Announces `change` to the issuance's own callback, if that wants this status, and to every subscription of the
    /// account. Gives the number of deliveries that are on their way.
    ///
    /// Each delivery is stored before its first attempt is enqueued. After a crash in between the change is announced
    /// again, and the delivery that was not tried yet is found. A delivery that fails does not stop the others; of
    /// several failures one that may pass is told first.
    pub async fn announce(&self, change: &Change) -> Result<usize, AnnounceError> {
        let status = &change.status;
        let callback = change.callback.as_ref();
        let own = callback
            .filter(|callback| callback.wants(&status.status))
            .map(|callback| (SubscriptionId::Issuance, CallbackUrl::new(&callback.url)));
        let of_account = self.subscriptions.iter().cloned();
        let receivers: Vec<_> = own.into_iter().chain(of_account).collect();
        if receivers.is_empty() {
            return Ok(0);
        }
        let body = serde_json::to_string(status).map_err(AnnounceError::Body)?;
        let now = self.system.now();
        let sent = receivers.into_iter().map(|(subscription, url)| {
            self.send(Delivery {
                id: DeliveryId {
                    correlation_id: change.correlation_id.clone(),
                    reserved_at: change.reserved_at,
                    sequence: change.sequence,
                    subscription,
                },
                write_id: self.system.uuid(),
                url,
                body: body.clone(),
                status: status.status.clone(),
                stage: status.stage.clone(),
                created_at: now,
                state: State::Pending { due_at: now },
                attempt: 0,
                run_began_at: now,
                run_attempts: 0,
                replays: 0,
                attempts: Vec::new(),
            })
        });
        let sent = join_all(sent).await;
        let count = sent.len();
        let failures = sent.into_iter().filter_map(Result::err);
        match failures.min_by_key(AnnounceError::is_final) {
            None => Ok(count),
            Some(failure) => Err(failure),
        }
    }

    async fn send(&self, delivery: Delivery) -> Result<(), AnnounceError> {
        if let Update::Overtaken(existing) = self.deliveries.create(&delivery).await?
            && existing.attempt > 0
        {
            return Ok(());
        }
        let first = DeliveryMessage {
            delivery_id: delivery.id,
            attempt: 0,
        };
        Ok(self.queue.send(&first, Duration::ZERO).await?)
    }
}
