//! The table of deliveries.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | a delivery | `issuance#{correlation_id}` | `delivery#{reserved_at_ms}#{sequence}#{subscription}` |
//! | the end of an issuance's callback | `issuance#{correlation_id}` | `ended#{reserved_at_ms}` |
//! | the end of a subscription of the account | `subscription#{subscription}` | `ended` |

mod item;

use std::collections::HashMap;

use aws::CallError;
use aws::batch_get::batch_get;
use aws::item::{Item, string};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use contract::CorrelationId;
use uuid::Uuid;
use webhooks::ports::{
    Creation, Deliveries, DeliveriesError, Found, Stored, Subscriptions, Update,
};
use webhooks::{Delivery, DeliveryId};

/// The table of deliveries.
#[derive(Debug, Clone)]
pub struct DeliveryTable {
    client: Client,
    name: String,
}

impl DeliveryTable {
    /// The table called `name`.
    pub fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }

    /// Puts `item` if `condition` holds; otherwise gives what is there instead.
    async fn put(
        &self,
        item: Item,
        condition: &str,
        based_on: Option<Uuid>,
    ) -> Result<Put, DeliveriesError> {
        let mut put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(write_id) = based_on {
            put = put
                .expression_attribute_names("#write_id", "write_id")
                .expression_attribute_values(":based_on", string(write_id));
        }
        let Err(fault) = put.send().await else {
            return Ok(Put::Done);
        };
        match fault.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let existing = failed.item().cloned().map(item::read).transpose()?;
                let existing = existing.map(Box::new);
                Ok(Put::Prevented(existing))
            }
            _ => Err(unavailable(fault)),
        }
    }
}

enum Put {
    Done,
    Prevented(Option<Box<Stored>>),
}

impl Deliveries for DeliveryTable {
    async fn create(&self, mine: &Stored) -> Result<Creation, DeliveriesError> {
        match self
            .put(item::write(mine)?, "attribute_not_exists(pk)", None)
            .await?
        {
            Put::Done => Ok(Creation::Done),
            Put::Prevented(Some(existing)) => Ok(Creation::instead_of(mine, *existing)),
            Put::Prevented(None) => Err(unexpected("no item where one is")),
        }
    }

    async fn get(&self, id: &DeliveryId) -> Result<Option<Stored>, DeliveriesError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(item::key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        answer.item.map(item::read).transpose()
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
        let read = batch_get(&self.client, &self.name, &keys).await;
        let read = read.map_err(|fault| DeliveriesError::Unavailable(Box::new(fault)))?;
        if !read.left_out.is_empty() {
            return Err(unexpected("items were left out of a batch again and again"));
        }
        let items = read.items;
        let is_there = |key: Item| items.iter().any(|item| item::has_key(item, &key));
        let mut found = HashMap::with_capacity(ids.len());
        for id in ids {
            let key = item::key(id);
            let Some(item) = items.iter().find(|item| item::has_key(item, &key)) else {
                continue;
            };
            let subscription_ended = is_there(item::end_key(id));
            let read = item::read(item.clone()).map(|stored| Found {
                stored,
                subscription_ended,
            });
            found.insert(id.clone(), read);
        }
        Ok(found)
    }

    async fn of_issuance(
        &self,
        correlation_id: &CorrelationId,
    ) -> Result<Vec<Result<Delivery, DeliveriesError>>, DeliveriesError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :delivery)")
            .expression_attribute_values(":pk", string(item::issuance_pk(correlation_id)))
            .expression_attribute_values(":delivery", string(item::DELIVERY))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut deliveries = Vec::new();
        while let Some(item) = pages.try_next().await.map_err(unavailable)? {
            deliveries.push(item::read(item).map(|stored| stored.delivery));
        }
        Ok(deliveries)
    }

    async fn update(&self, based_on: Uuid, after: &Stored) -> Result<Update, DeliveriesError> {
        match self
            .put(item::write(after)?, "#write_id = :based_on", Some(based_on))
            .await?
        {
            Put::Done => Ok(Update::Done),
            Put::Prevented(existing) => {
                Ok(Update::instead_of(after, existing.map(|stored| *stored)))
            }
        }
    }
}

impl Subscriptions for DeliveryTable {
    async fn end(&self, id: &DeliveryId, now_ms: i64) -> Result<(), DeliveriesError> {
        self.client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item::end(id, now_ms)))
            .send()
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    async fn resume(&self, id: &DeliveryId) -> Result<(), DeliveriesError> {
        self.client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(item::end_key(id)))
            .send()
            .await
            .map(|_| ())
            .map_err(unavailable)
    }
}

fn unavailable<E, R>(fault: aws_sdk_dynamodb::error::SdkError<E, R>) -> DeliveriesError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    DeliveriesError::Unavailable(Box::new(CallError::from_sdk(fault)))
}

fn unexpected(reason: &str) -> DeliveriesError {
    DeliveriesError::Unavailable(Box::new(CallError::unexpected(reason)))
}
