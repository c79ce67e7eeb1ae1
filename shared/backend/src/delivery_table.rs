//! The table of deliveries.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | a delivery | `issuance#{correlation_id}` | `delivery#{reserved_at_ms}#{sequence}#{subscription}` |
//! | the end of an issuance's callback | `issuance#{correlation_id}` | `ended#{reserved_at_ms}` |
//! | the end of a subscription of the account | `subscription#{subscription}` | `ended` |

mod item;

use std::collections::HashMap;

use bestow_aws::Dynamodb;
use bestow_aws::item::{self as items, Item, MalformedItemError, string};
use bestow_aws::{CallError, Table, Write, Written};
use bestow_contract::CorrelationId;
use bestow_issuance::ports::Cause;
use bestow_webhooks::ports::{Deliveries, DeliveriesError, Found, Subscriptions, Update};
use bestow_webhooks::{Delivery, DeliveryId};
use jiff::Timestamp;
use uuid::Uuid;

/// The table of deliveries.
#[derive(Debug, Clone)]
pub struct DeliveryTable(Table);

impl DeliveryTable {
    /// The table called `name`.
    pub fn new(client: Dynamodb, name: &str) -> Self {
        Self(Table::new(client, name))
    }

    async fn put(
        &self,
        mine: &Delivery,
        condition: impl FnOnce(Write) -> Write,
    ) -> Result<Update, DeliveriesError> {
        let put = Write::put(item::write(mine).map_err(unavailable)?);
        match self.0.write(condition(put)).await.map_err(unavailable)? {
            Written::Done(_) => Ok(Update::Done),
            Written::Refused(existing) => {
                let existing = existing.map(items::read).transpose();
                Ok(Update::instead_of(mine, existing.map_err(unreadable)?))
            }
        }
    }
}

impl Deliveries for DeliveryTable {
    async fn create(&self, mine: &Delivery) -> Result<Update, DeliveriesError> {
        self.put(mine, Write::if_absent).await
    }

    async fn update(&self, based_on: Uuid, after: &Delivery) -> Result<Update, DeliveriesError> {
        self.put(after, |put| put.if_written_by(based_on)).await
    }

    async fn get(&self, id: &DeliveryId) -> Result<Option<Delivery>, DeliveriesError> {
        let found = self.0.get(item::key(id)).await.map_err(unavailable)?;
        found.map(items::read).transpose().map_err(unreadable)
    }

    async fn get_many(
        &self,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Result<Found, DeliveriesError>>, DeliveriesError> {
        let mut keys: Vec<Item> = Vec::with_capacity(2 * ids.len());
        for key in ids.iter().flat_map(|id| [item::key(id), item::end_key(id)]) {
            // Several deliveries share a subscription, and no key may be in a batch twice.
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let read = self.0.get_many(&keys).await.map_err(unavailable)?;
        if !read.left_out.is_empty() {
            return Err(unavailable(CallError::left_out()));
        }
        let of_key = |key: Item| read.found.iter().find(|item| item::has_key(item, &key));
        let mut found = HashMap::with_capacity(ids.len());
        for id in ids {
            let Some(item) = of_key(item::key(id)) else {
                continue;
            };
            let subscription_ended = of_key(item::end_key(id)).is_some();
            let read = items::read(item.clone()).map(|delivery| Found {
                delivery,
                subscription_ended,
            });
            found.insert(id.clone(), read.map_err(unreadable));
        }
        Ok(found)
    }

    async fn of_issuance(
        &self,
        correlation_id: &CorrelationId,
    ) -> Result<Vec<Result<Delivery, DeliveriesError>>, DeliveriesError> {
        let values = [
            (":pk", string(item::issuance_pk(correlation_id))),
            (":delivery", string(item::DELIVERY)),
        ];
        let query = self
            .0
            .query("pk = :pk AND begins_with(sk, :delivery)", values);
        let items = self.0.all_items(query).await.map_err(unavailable)?;
        let read = |item| items::read(item).map_err(unreadable);
        Ok(items.into_iter().map(read).collect())
    }
}

impl Subscriptions for DeliveryTable {
    async fn end(&self, id: &DeliveryId, now: Timestamp) -> Result<(), DeliveriesError> {
        let end = Write::put(item::end(id, now));
        self.0.write(end).await.map(drop).map_err(unavailable)
    }

    async fn resume(&self, id: &DeliveryId) -> Result<(), DeliveriesError> {
        let resume = Write::delete(item::end_key(id));
        self.0.write(resume).await.map(drop).map_err(unavailable)
    }
}

fn unavailable(fault: impl Into<Cause>) -> DeliveriesError {
    DeliveriesError::Unavailable(fault.into())
}

fn unreadable(MalformedItemError { attribute, reason }: MalformedItemError) -> DeliveriesError {
    let reason = format!("its attribute {attribute} {reason}");
    DeliveriesError::Malformed { reason }
}
