//! A table of items with the keys `pk` and `sk`. Reads show every write that was answered before.

use std::fmt::Debug;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};

use uuid::Uuid;

use crate::CallError;
use crate::erasure::DuePages;
use crate::item::Item;
use crate::retry::{Conflict, despite_conflicts, is_conflict};
use crate::service::Dynamodb;
use crate::write::{Kind, Write, Written};

/// The code of that part of a cancelled transaction whose condition did not hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Dynamodb,
    pub(crate) name: String,
}

/// What became of a transaction.
#[derive(Debug)]
#[must_use]
pub enum Transacted {
    /// All of it is done.
    Done,
    /// Nothing is.
    Refused {
        /// Which write is the first whose condition does not hold, counted from 0.
        write: usize,
        /// The item as it stands, if there is one.
        item: Option<Item>,
    },
}

impl From<Written> for Transacted {
    fn from(written: Written) -> Self {
        match written {
            Written::Done(_) => Self::Done,
            Written::Refused(item) => Self::Refused { write: 0, item },
        }
    }
}

/// Gives the builder of a request what all writes have.
macro_rules! conditional {
    ($request:expr, $table:expr, $write:expr) => {
        $request
            .table_name(&$table.name)
            .set_expression_attribute_names($write.names())
            .set_expression_attribute_values($write.values())
            .set_return_values_on_condition_check_failure(
                $write
                    .condition
                    .is_some()
                    .then_some(ReturnValuesOnConditionCheckFailure::AllOld),
            )
            .set_condition_expression($write.condition)
    };
}

impl Table {
    /// The table called `name`.
    pub fn new(client: Dynamodb, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }

    /// The item of this key, if there is one.
    pub async fn get(&self, key: Item) -> Result<Option<Item>, CallError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key))
            .consistent_read(true);
        let answer = self.client.send(get).await;
        answer
            .map(|answer| answer.item)
            .map_err(CallError::from_sdk)
    }

    /// A query with this key condition, whose values are named as in it.
    pub fn query<const N: usize>(
        &self,
        condition: &str,
        values: [(&str, AttributeValue); N],
    ) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression(condition)
            .consistent_read(true);
        values.into_iter().fold(query, |query, (name, value)| {
            query.expression_attribute_values(name, value)
        })
    }

    /// What is due to be erased in a shard of an index at `now_seconds`: see [`crate::erasure`].
    pub fn due<T>(
        &self,
        index: &str,
        shard: u8,
        now_seconds: i64,
        id: fn(&Item) -> Option<T>,
    ) -> DuePages<T> {
        DuePages::of(&self.client, (&self.name, index), shard, now_seconds, id)
    }

    /// Writes one item if the condition holds. If transactions on the same item were in the way for seconds, the
    /// error is [contention](CallError::is_contention), and nothing was written.
    pub async fn write(&self, write: Write) -> Result<Written, CallError> {
        let returned = write.returns_item.then_some(ReturnValue::AllNew);
        let client = &self.client;
        match write.kind.clone() {
            Kind::Put(item) => {
                let put = conditional!(client.put_item().set_item(Some(item)), self, write);
                written(
                    despite_conflicts(|| client.send(put.clone()))
                        .await
                        .map(|_| None),
                )
            }
            Kind::Update { key, change } => {
                let update = client.update_item().set_key(Some(key));
                let update = update.update_expression(change).set_return_values(returned);
                let update = conditional!(update, self, write);
                let sent = despite_conflicts(|| client.send(update.clone())).await;
                written(sent.map(|answer| answer.attributes))
            }
            Kind::Delete(key) => {
                let delete = conditional!(client.delete_item().set_key(Some(key)), self, write);
                written(
                    despite_conflicts(|| client.send(delete.clone()))
                        .await
                        .map(|_| None),
                )
            }
        }
    }

    /// Does all of these writes or none. An attempt that is made again has the same token, and is not done twice. The error
    /// tells contention as that of [`Self::write`] does.
    pub async fn transact<const N: usize>(
        &self,
        writes: [Write; N],
    ) -> Result<Transacted, CallError> {
        let parts: Result<Vec<_>, BuildError> =
            writes.into_iter().map(|write| self.part(write)).collect();
        let parts = parts.map_err(|_| CallError::unexpected("a write without its key"))?;
        let transaction = self
            .client
            .transact_write_items()
            .set_transact_items(Some(parts));
        let sent = despite_conflicts(|| {
            let token = Uuid::new_v4().to_string();
            let transaction = transaction.clone().client_request_token(token);
            self.client.send(transaction)
        });
        let Err(fault) = sent.await else {
            return Ok(Transacted::Done);
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            fault.as_service_error()
        {
            let reasons = cancelled.cancellation_reasons().iter();
            for (write, reason) in reasons.enumerate() {
                if reason.code() == Some(CONDITION_FAILED) {
                    let item = reason.item().cloned();
                    return Ok(Transacted::Refused { write, item });
                }
            }
        }
        Err(failed(fault))
    }

    fn part(&self, write: Write) -> Result<TransactWriteItem, BuildError> {
        let part = TransactWriteItem::builder();
        Ok(match write.kind.clone() {
            Kind::Put(item) => {
                let put = Put::builder().set_item(Some(item));
                part.put(conditional!(put, self, write).build()?)
            }
            Kind::Update { key, change } => {
                let update = Update::builder()
                    .set_key(Some(key))
                    .update_expression(change);
                part.update(conditional!(update, self, write).build()?)
            }
            Kind::Delete(key) => {
                let delete = Delete::builder().set_key(Some(key));
                part.delete(conditional!(delete, self, write).build()?)
            }
        }
        .build())
    }
}

/// Every item of a query, however many pages there are.
pub async fn all_items(query: QueryFluentBuilder) -> Result<Vec<Item>, CallError> {
    let mut items = query.into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(item) = items.try_next().await.map_err(CallError::from_sdk)? {
        found.push(item);
    }
    Ok(found)
}

/// An error of a write that can tell that its condition does not hold.
trait WriteError: Conflict + ProvideErrorMetadata + std::error::Error + Send + Sync + 'static {
    /// The item as it stands, if the condition does not hold.
    fn refusal(&self) -> Option<Option<Item>>;
}

macro_rules! write_errors {
    ($($error:ident),+) => { $(
        impl WriteError for $error {
            fn refusal(&self) -> Option<Option<Item>> {
                match self {
                    Self::ConditionalCheckFailedException(failed) => Some(failed.item().cloned()),
                    _ => None,
                }
            }
        }

        impl Conflict for $error {
            fn is_conflict(&self) -> bool {
                self.is_transaction_conflict_exception()
            }
        }
    )+ };
}

write_errors!(PutItemError, UpdateItemError, DeleteItemError);

impl Conflict for TransactWriteItemsError {
    fn is_conflict(&self) -> bool {
        let Self::TransactionCanceledException(cancelled) = self else {
            return false;
        };
        let is_a_reason = |code| {
            let mut reasons = cancelled.cancellation_reasons().iter();
            reasons.any(|reason| reason.code() == Some(code))
        };
        // A condition that does not hold is the end of it, whatever else was in the way.
        is_a_reason("TransactionConflict") && !is_a_reason(CONDITION_FAILED)
    }
}

fn written<E, R>(sent: Result<Option<Item>, SdkError<E, R>>) -> Result<Written, CallError>
where
    E: WriteError,
    R: Debug + Send + Sync + 'static,
{
    match sent {
        Ok(item) => Ok(Written::Done(item.unwrap_or_default())),
        Err(fault) => match fault.as_service_error().and_then(E::refusal) {
            Some(existing) => Ok(Written::Refused(existing)),
            None => Err(failed(fault)),
        },
    }
}

fn failed<E, R>(fault: SdkError<E, R>) -> CallError
where
    E: Conflict + ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    if is_conflict(&fault) {
        CallError::contention(fault)
    } else {
        CallError::from_sdk(fault)
    }
}
