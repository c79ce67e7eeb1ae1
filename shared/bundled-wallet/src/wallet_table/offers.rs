//! Offers: one item each, and one write for each step.

use std::collections::HashMap;

use aws::CallError;
use aws::batch_get::batch_get;
use aws::conflicts::{CONDITION_FAILED, despite_conflicts, is_conflict};
use aws::erasure::{ERASE_AT, ERASE_SHARD};
use aws::item::{Item, number, string};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use issuer::{Offer, OfferId, StatusRecord, Written};

use super::WalletTable;
use super::erasure::shard_of;
use super::statuses::status_item;
use super::steps::OfferStep;

/// What became of a new offer.
#[derive(Debug)]
pub enum Creation {
    /// It is stored, and with it the place of its credential on the status list.
    Created,
    /// There is one of that id already. Nothing was written.
    Exists(Box<Offer>),
    /// The place on the status list is another credential's. Nothing was written.
    IndexTaken,
    /// Other writes of the same items were in the way for seconds. Nothing was written.
    Contended,
}

impl WalletTable {
    /// Stores a new offer together with the status record of its credential, if it has one: both or
    /// none.
    pub async fn create_offer(
        &self,
        offer: &Offer,
        status: Option<&StatusRecord>,
    ) -> Result<Creation, CallError> {
        match status {
            Some(status) => self.create_with_status(offer, status).await,
            None => self.create_alone(offer).await,
        }
    }

    async fn create_alone(&self, offer: &Offer) -> Result<Creation, CallError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(offer_item(offer)?))
            .condition_expression(IS_ABSENT)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match despite_conflicts(|| put.clone().send()).await {
            Ok(_) => Ok(Creation::Created),
            Err(fault) if is_conflict(&fault) => Ok(Creation::Contended),
            Err(fault) => match fault.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    exists(failed.item())
                }
                _ => Err(CallError::from_sdk(fault)),
            },
        }
    }

    async fn create_with_status(
        &self,
        offer: &Offer,
        status: &StatusRecord,
    ) -> Result<Creation, CallError> {
        let transaction = self
            .client
            .transact_write_items()
            .transact_items(self.put_if_absent(offer_item(offer)?)?)
            .transact_items(self.put_if_absent(status_item(status)?)?);
        let fault = match despite_conflicts(|| transaction.clone().send()).await {
            Ok(_) => return Ok(Creation::Created),
            Err(fault) if is_conflict(&fault) => return Ok(Creation::Contended),
            Err(fault) => fault,
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            fault.as_service_error()
        else {
            return Err(CallError::from_sdk(fault));
        };
        match cancelled.cancellation_reasons() {
            [offer, _] if offer.code() == Some(CONDITION_FAILED) => exists(offer.item()),
            [_, status] if status.code() == Some(CONDITION_FAILED) => Ok(Creation::IndexTaken),
            _ => Err(CallError::from_sdk(fault)),
        }
    }

    fn put_if_absent(&self, item: Item) -> Result<TransactWriteItem, CallError> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(IS_ABSENT)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| CallError::unexpected("a put without a table or an item"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Takes a step of an offer: one conditional write, so that of two at the same time one is refused.
    /// (A repeated start, which is a transaction, can be in its way.)
    pub async fn write<S: OfferStep + ?Sized>(&self, step: &S) -> Result<Written, CallError> {
        let update = step.update();
        let is_named = update.condition.contains(STATE) || update.change.contains(STATE);
        let names = is_named.then(|| HashMap::from([(STATE.to_owned(), "state".to_owned())]));
        let mut call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", offer_key(step.offer_id()))
            .key("sk", string(OFFER))
            .condition_expression(update.condition)
            .update_expression(update.change)
            .set_expression_attribute_names(names)
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in update.values {
            call = call.expression_attribute_values(name, value);
        }
        match despite_conflicts(|| call.clone().send()).await {
            Ok(answer) => {
                let attributes = answer.attributes.unwrap_or_default();
                Ok(Written::Applied(read_offer(attributes)?))
            }
            Err(fault) => match fault.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Ok(
                    Written::Refused(failed.item().cloned().map(read_offer).transpose()?),
                ),
                _ => Err(CallError::from_sdk(fault)),
            },
        }
    }

    /// The offers with these keys (`pk`), as they are now; those that are gone are left out.
    pub async fn offers(&self, keys: Vec<String>) -> Result<Vec<Offer>, CallError> {
        let key = |pk| {
            Item::from([
                ("pk".to_owned(), string(pk)),
                ("sk".to_owned(), string(OFFER)),
            ])
        };
        let keys: Vec<Item> = keys.into_iter().map(key).collect();
        let read = batch_get(&self.client, &self.name, &keys).await?;
        if !read.left_out.is_empty() {
            return Err(CallError::unexpected("offers were left out of a batch"));
        }
        read.items.into_iter().map(read_offer).collect()
    }

    /// The offer of this id, if there is one. Consistent: it shows every step that was taken before.
    pub async fn offer(&self, offer_id: &OfferId) -> Result<Option<Offer>, CallError> {
        let item = self.get(offer_key(offer_id), string(OFFER)).await?;
        item.map(read_offer).transpose()
    }
}

const OFFER: &str = "offer";
/// Stands for the attribute `state`. DynamoDB refuses a name that is given and not used.
const STATE: &str = "#state";
pub(super) const OFFER_KEY: &str = "offer#";
const IS_ABSENT: &str = "attribute_not_exists(pk)";

pub(super) fn offer_key(offer_id: &OfferId) -> AttributeValue {
    string(format!("{OFFER_KEY}{}", offer_id.as_str()))
}

fn offer_item(offer: &Offer) -> Result<Item, CallError> {
    let mut item: Item = serde_dynamo::to_item(offer)
        .map_err(|_| CallError::unexpected("an offer that does not fit an item"))?;
    let key = [
        ("pk", offer_key(&offer.offer_id)),
        ("sk", string(OFFER)),
        ("expires_at", number(offer.purge_at_seconds())),
    ];
    let erasure = offer.erase_at_seconds().map(|due| {
        [
            (ERASE_AT, number(due)),
            (ERASE_SHARD, number(shard_of(&offer.offer_id))),
        ]
    });
    for (name, value) in key.into_iter().chain(erasure.into_iter().flatten()) {
        item.insert(name.to_owned(), value);
    }
    Ok(item)
}

fn exists(existing: Option<&Item>) -> Result<Creation, CallError> {
    let existing = existing.cloned().unwrap_or_default();
    Ok(Creation::Exists(Box::new(read_offer(existing)?)))
}

fn read_offer(item: Item) -> Result<Offer, CallError> {
    serde_dynamo::from_item(item).map_err(|_| CallError::unexpected("a malformed offer item"))
}
