//! Announce: one delivery of a change for each subscription that wants it.

use bestow_clock::{Clock, IdSource};
use bestow_contract::{Callback, IssueStatus};
use bestow_issuance::Change;
use futures::future::join_all;
use thiserror::Error;

use crate::delivery::{CallbackUrl, Delivery, State};
use crate::delivery_id::DeliveryId;
use crate::ports::{
    Deliveries, DeliveriesError, DeliveryMessage, Stored, Update, WebhookQueue, WebhookQueueError,
};
use crate::subscription::{AccountSubscriptions, SubscriptionId};

/// The use case, and what it works with.
pub struct Announce<D, Q, S> {
    /// The table.
    pub deliveries: D,
    /// The queue for the first attempts.
    pub queue: Q,
    /// Tells the time, and draws ids and jitter.
    pub system: S,
    /// Who wants to be told of every issuance.
    pub subscriptions: AccountSubscriptions,
}

/// Why a change is not on its way to everyone. Unless the reason is there to stay
/// ([`AnnounceError::is_final`]) it is to be announced again: what is on its way already is not made twice.
#[derive(Debug, Error)]
pub enum AnnounceError {
    /// The table gave no answer.
    #[error(transparent)]
    Deliveries(#[from] DeliveriesError),
    /// A first attempt could not be scheduled.
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
    /// Announces `change`: to the issuance's own callback, if that wants this status, and to every subscription
    /// of the account. Gives the number of deliveries that are on their way.
    ///
    /// Each delivery is stored, and then its first attempt is put on the queue. Whoever dies in between
    /// announces the change again, and finds the delivery that was not tried yet. A delivery that fails
    /// keeps none of the others; of several failures one that may pass is told first.
    pub async fn announce(&self, change: &Change) -> Result<usize, AnnounceError> {
        let status = &change.status;
        let callback = change.callback.as_ref();
        let own = callback
            .filter(|callback| callback.wants(&status.status))
            .map(|Callback { url, .. }| (SubscriptionId::Issuance, CallbackUrl::new(url)));
        let of_account = self.subscriptions.iter();
        let receivers: Vec<_> = own
            .into_iter()
            .chain(of_account.map(|one| (one.id, one.url.clone())))
            .collect();
        if receivers.is_empty() {
            return Ok(0);
        }
        let body = serde_json::to_string(status).map_err(AnnounceError::Body)?;
        let sent = receivers.into_iter().map(|(subscription, url)| {
            let id = DeliveryId {
                correlation_id: change.correlation_id.clone(),
                reserved_at_ms: change.reserved_at_ms,
                sequence: change.sequence,
                subscription,
            };
            self.send(self.delivery(id, url, status, &body))
        });
        let sent = join_all(sent).await;
        let count = sent.len();
        let failures = sent.into_iter().filter_map(Result::err);
        match failures.min_by_key(AnnounceError::is_final) {
            None => Ok(count),
            Some(failure) => Err(failure),
        }
    }

    fn delivery(
        &self,
        id: DeliveryId,
        url: CallbackUrl,
        status: &IssueStatus,
        body: &str,
    ) -> Delivery {
        let now_ms = self.system.now().as_millisecond();
        Delivery {
            id,
            url,
            body: body.to_owned(),
            status: status.status.clone(),
            stage: status.stage.clone(),
            created_at_ms: now_ms,
            state: State::Pending { due_at_ms: now_ms },
            attempt: 0,
            run_began_at_ms: now_ms,
            run_attempts: 0,
            replays: 0,
            attempts: Vec::new(),
        }
    }

    async fn send(&self, delivery: Delivery) -> Result<(), AnnounceError> {
        let mine = Stored {
            delivery,
            write_id: self.system.uuid(),
        };
        let was_tried = match self.deliveries.create(&mine).await? {
            Update::Done | Update::Gone => false,
            Update::Overtaken(existing) => existing.delivery.attempt > 0,
        };
        if !was_tried {
            let first = DeliveryMessage {
                delivery_id: mine.delivery.id,
                attempt: 0,
            };
            self.queue.send(&first, 0).await?;
        }
        Ok(())
    }
}
