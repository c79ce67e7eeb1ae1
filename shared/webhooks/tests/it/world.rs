//! A table, a queue, a receiver and a clock, all in memory, which can be told to fail.

use bestow_clock::{Clock, IdSource};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bestow_contract::{Callback, CorrelationId, Status};
use bestow_issuance::{Change, Offer, Record, RequestHash};
use bestow_webhooks::ports::{
    Answer, Deliveries, DeliveriesError, DeliveryMessage, Found, Post, Receiver, Subscriptions,
    Update, WebhookQueue, WebhookQueueError,
};
use bestow_webhooks::{
    AccountSubscriptions, Announce, CircuitBreaker, Deliver, DeliverError, Delivery, DeliveryId,
    Outcome, Replay, SubscriptionId,
};
use uuid::Uuid;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(crate) const CALLBACK: &str = "https://backend.example/hook";

/// A post as the receiver sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) webhook_id: String,
    pub(crate) timestamp: i64,
    pub(crate) body: String,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    next_uuid: u128,
    pub(crate) table: HashMap<DeliveryId, Delivery>,
    pub(crate) ended: Vec<SubscriptionId>,
    /// Messages with their delay.
    pub(crate) queue: Vec<(DeliveryMessage, Duration)>,
    pub(crate) seen: Vec<Seen>,
    /// What the receiver answers next; 200 when there is nothing.
    pub(crate) answers: Vec<Answer>,
    pub(crate) table_refuses_updates: bool,
    pub(crate) queue_refuses: bool,
    /// Whose deliveries are stored and cannot be read.
    pub(crate) unreadable: Option<SubscriptionId>,
}

/// The ports of one world.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ports(Arc<Mutex<World>>);

impl Ports {
    pub(crate) fn new() -> Self {
        let ports = Self::default();
        ports.world().now = Timestamp::from_second(1_800_000_000).unwrap();
        ports
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(crate) fn announcing(&self, subscriptions: &str) -> Announce<Self, Self, Self> {
        Announce {
            deliveries: self.clone(),
            queue: self.clone(),
            system: self.clone(),
            subscriptions: subscriptions.parse().unwrap(),
        }
    }

    pub(crate) fn replaying(&self) -> Replay<Self, Self, Self> {
        Replay {
            deliveries: self.clone(),
            queue: self.clone(),
            system: self.clone(),
        }
    }

    /// Deals with a message as the function does, with these subscriptions of the account.
    pub(crate) async fn deliver_with(
        &self,
        subscriptions: &str,
        message: &DeliveryMessage,
    ) -> Result<Outcome, DeliverError> {
        self.deliver_by(&self.delivering(subscriptions, self.clone()), message)
            .await
    }

    /// The use case as a process has it, posting to `receiver`.
    pub(crate) fn delivering<R>(
        &self,
        subscriptions: &str,
        receiver: R,
    ) -> Deliver<Self, R, Self, Self> {
        Deliver {
            deliveries: self.clone(),
            receiver,
            circuit_breaker: CircuitBreaker::default(),
            queue: self.clone(),
            system: self.clone(),
            secrets: SECRET.parse().unwrap(),
            subscriptions: subscriptions.parse::<AccountSubscriptions>().unwrap(),
        }
    }

    pub(crate) async fn deliver_by<R: Receiver>(
        &self,
        use_case: &Deliver<Self, R, Self, Self>,
        message: &DeliveryMessage,
    ) -> Result<Outcome, DeliverError> {
        let ids = std::slice::from_ref(&message.delivery_id);
        let found = self.get_many(ids).await?.remove(&message.delivery_id);
        use_case.deliver(message, found.transpose()?, 1).await
    }

    pub(crate) async fn deliver(&self, message: &DeliveryMessage) -> Outcome {
        self.deliver_with("", message).await.unwrap()
    }

    /// Takes the only message off the queue, and lets the time pass until it is due.
    pub(crate) fn take(&self) -> DeliveryMessage {
        let mut world = self.world();
        assert_eq!(world.queue.len(), 1, "{:?}", world.queue);
        let (message, delay) = world.queue.remove(0);
        world.now += delay;
        message
    }

    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.world().answers = answers.into_iter().collect();
    }

    pub(crate) fn delivery(&self, id: &DeliveryId) -> Delivery {
        self.world().table[id].clone()
    }
}

pub(crate) fn status(http_status: u16) -> Answer {
    Answer::Received {
        http_status,
        retry_after: None,
    }
}

/// An issuance that was just offered, with the callback and its statuses.
pub(crate) fn offered(statuses: &[Status]) -> Change {
    let id: CorrelationId = "89cba89".parse().unwrap();
    let hash = RequestHash::from_stored("ab");
    let at = Timestamp::from_second(1).unwrap();
    let reserved = Record::reserve(id, "issue_iban".to_owned(), hash, at);
    let record = reserved
        .offered(&Offer::default(), at + std::time::Duration::from_secs(1))
        .unwrap();
    let record = Record {
        callback: Some(Callback {
            url: CALLBACK.to_owned(),
            status: statuses.to_vec(),
        }),
        ..record
    };
    Change::since(None, &record).unwrap()
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        self.world().now
    }
}

impl IdSource for Ports {
    fn uuid(&self) -> Uuid {
        let mut world = self.world();
        world.next_uuid += 1;
        Uuid::from_u128(world.next_uuid)
    }

    fn fraction(&self) -> f64 {
        0.0
    }
}

fn unavailable() -> DeliveriesError {
    DeliveriesError::Unavailable("out of order".into())
}

impl Deliveries for Ports {
    async fn create(&self, mine: &Delivery) -> Result<Update, DeliveriesError> {
        let mut world = self.world();
        if world.unreadable == Some(mine.id.subscription) {
            let reason = "it is garbled".to_owned();
            return Err(DeliveriesError::Malformed { reason });
        }
        let existing = world.table.get(&mine.id).cloned();
        Ok(match existing {
            Some(existing) => Update::instead_of(mine, Some(existing)),
            None => {
                world.table.insert(mine.id.clone(), mine.clone());
                Update::Done
            }
        })
    }

    async fn get(&self, id: &DeliveryId) -> Result<Option<Delivery>, DeliveriesError> {
        Ok(self.world().table.get(id).cloned())
    }

    async fn get_many(
        &self,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Result<Found, DeliveriesError>>, DeliveriesError> {
        let world = self.world();
        let found = ids.iter().filter_map(|id| {
            let delivery = world.table.get(id)?.clone();
            let subscription_ended = world.ended.contains(&id.subscription);
            let found = Found {
                delivery,
                subscription_ended,
            };
            Some((id.clone(), Ok(found)))
        });
        Ok(found.collect())
    }

    async fn of_issuance(
        &self,
        id: &CorrelationId,
    ) -> Result<Vec<Result<Delivery, DeliveriesError>>, DeliveriesError> {
        let world = self.world();
        let deliveries = world.table.values().cloned();
        Ok(deliveries
            .filter(|delivery| delivery.id.correlation_id == *id)
            .map(Ok)
            .collect())
    }

    async fn update(&self, based_on: Uuid, after: &Delivery) -> Result<Update, DeliveriesError> {
        let mut world = self.world();
        if world.table_refuses_updates {
            return Err(unavailable());
        }
        let existing = world.table.get(&after.id).cloned();
        match existing {
            Some(existing) if existing.write_id == based_on => {
                world.table.insert(after.id.clone(), after.clone());
                Ok(Update::Done)
            }
            existing => Ok(Update::instead_of(after, existing)),
        }
    }
}

impl Subscriptions for Ports {
    async fn end(&self, id: &DeliveryId, _now: Timestamp) -> Result<(), DeliveriesError> {
        self.world().ended.push(id.subscription);
        Ok(())
    }

    async fn resume(&self, id: &DeliveryId) -> Result<(), DeliveriesError> {
        self.world().ended.retain(|ended| *ended != id.subscription);
        Ok(())
    }
}

impl WebhookQueue for Ports {
    async fn send(
        &self,
        message: &DeliveryMessage,
        delay: Duration,
    ) -> Result<(), WebhookQueueError> {
        let mut world = self.world();
        if world.queue_refuses {
            return Err(WebhookQueueError("out of order".into()));
        }
        assert!(
            delay.as_secs() <= 900 && delay.subsec_nanos() == 0,
            "no message can wait so"
        );
        world.queue.push((message.clone(), delay));
        Ok(())
    }
}

impl Receiver for Ports {
    async fn post(&self, post: Post<'_>) -> Answer {
        let mut world = self.world();
        world.now += Duration::from_millis(20);
        world.seen.push(Seen {
            webhook_id: post.webhook_id,
            timestamp: post.webhook_timestamp,
            body: post.body.to_owned(),
        });
        if world.answers.is_empty() {
            status(200)
        } else {
            world.answers.remove(0)
        }
    }
}
