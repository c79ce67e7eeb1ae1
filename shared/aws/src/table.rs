//! A table of items with the keys `pk` and `sk`. Reads are strongly consistent.

use std::fmt::Debug;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use uuid::Uuid;

use crate::CallError;
use crate::erasure::DuePages;
use crate::item::Item;
use crate::retry::{WriteError, despite_conflicts, is_conflict};
use crate::service::Dynamodb;
use crate::write::{Kind, Write, Written};

/// Why a part of a transaction was cancelled: its condition did not hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) client: Dynamodb,
    pub(crate) name: String,
}

/// The outcome of a transaction.
#[derive(Debug)]
#[must_use]
pub enum Transacted {
    /// All of it is done.
    Done,
    /// Nothing is done.
    Refused {
        /// The index of the first write whose condition does not hold.
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

/// Adds to the builder of a request what all writes have.
macro_rules! conditional {
    ($request:expr, $table:expr, $condition:expr) => {
        $request
            .table_name(&$table.name)
            .set_expression_attribute_names($condition.names)
            .set_expression_attribute_values($condition.values)
            .set_return_values_on_condition_check_failure(
                $condition
                    .expression
                    .is_some()
                    .then_some(ReturnValuesOnConditionCheckFailure::AllOld),
            )
            .set_condition_expression($condition.expression)
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
        let answer = self.client.send(&get).await.map_err(CallError::from_sdk)?;
        Ok(answer.item)
    }

    /// A query with this key condition and the values of its names.
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

    /// One page of a query.
    pub async fn page(&self, query: QueryFluentBuilder) -> Result<QueryOutput, CallError> {
        self.client.send(&query).await.map_err(CallError::from_sdk)
    }

    /// Every item of a query, from all pages.
    pub async fn all_items(&self, query: QueryFluentBuilder) -> Result<Vec<Item>, CallError> {
        let mut found = Vec::new();
        let mut next = Some(query);
        while let Some(query) = next {
            let page = self.page(query.clone()).await?;
            next = page
                .last_evaluated_key
                .map(|key| query.set_exclusive_start_key(Some(key)));
            found.extend(page.items.unwrap_or_default());
        }
        Ok(found)
    }

    /// What is to be erased in a shard of an index at `now_seconds`: see [`crate::erasure`].
    pub fn due<T>(
        &self,
        index: &str,
        shard: u8,
        now_seconds: i64,
        id: fn(&Item) -> Option<T>,
    ) -> DuePages<T> {
        DuePages::of(self, index, shard, now_seconds, id)
    }

    /// Writes one item if the condition holds.
    ///
    /// # Errors
    /// [Contention](CallError::is_contention) if the write conflicted with transactions for seconds.
    pub async fn write(&self, write: Write) -> Result<Written, CallError> {
        let returned = write.returns_item.then_some(ReturnValue::AllNew);
        let client = &self.client;
        let (kind, condition) = write.into_parts();
        match kind {
            Kind::Put(item) => {
                let put = conditional!(client.put_item().set_item(Some(item)), self, condition);
                let sent = despite_conflicts(|| client.send(&put)).await;
                written(sent.map(|_| None))
            }
            Kind::Update { key, change } => {
                let update = client.update_item().set_key(Some(key));
                let update = update.update_expression(change).set_return_values(returned);
                let update = conditional!(update, self, condition);
                let sent = despite_conflicts(|| client.send(&update)).await;
                written(sent.map(|answer| answer.attributes))
            }
            Kind::Delete(key) => {
                let delete = client.delete_item().set_key(Some(key));
                let delete = conditional!(delete, self, condition);
                let sent = despite_conflicts(|| client.send(&delete)).await;
                written(sent.map(|_| None))
            }
        }
    }

    /// Does all of these writes or none. Attempts of one call have the same token, and are done once.
    ///
    /// # Errors
    /// As those of [`Self::write`].
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
        let sent = despite_conflicts(async || {
            let token = Uuid::new_v4().to_string();
            let transaction = transaction.clone().client_request_token(token);
            self.client.send(&transaction).await
        });
        match sent.await {
            Ok(_) => Ok(Transacted::Done),
            Err(fault) => {
                let (write, item) = refusal(fault)?;
                Ok(Transacted::Refused { write, item })
            }
        }
    }

    fn part(&self, write: Write) -> Result<TransactWriteItem, BuildError> {
        let part = TransactWriteItem::builder();
        let (kind, condition) = write.into_parts();
        Ok(match kind {
            Kind::Put(item) => {
                let put = Put::builder().set_item(Some(item));
                part.put(conditional!(put, self, condition).build()?)
            }
            Kind::Update { key, change } => {
                let update = Update::builder()
                    .set_key(Some(key))
                    .update_expression(change);
                part.update(conditional!(update, self, condition).build()?)
            }
            Kind::Delete(key) => {
                let delete = Delete::builder().set_key(Some(key));
                part.delete(conditional!(delete, self, condition).build()?)
            }
        }
        .build())
    }
}

macro_rules! write_errors {
    ($($error:ident),+) => { $(
        impl WriteError for $error {
            fn refusal(&self) -> Option<(usize, Option<Item>)> {
                match self {
                    Self::ConditionalCheckFailedException(failed) => Some((0, failed.item().cloned())),
                    _ => None,
                }
            }

            fn is_conflict(&self) -> bool {
                self.is_transaction_conflict_exception()
            }
        }
    )+ };
}

write_errors!(PutItemError, UpdateItemError, DeleteItemError);

impl WriteError for TransactWriteItemsError {
    fn refusal(&self) -> Option<(usize, Option<Item>)> {
        let mut reasons = reasons(self).iter().enumerate();
        let (write, reason) = reasons.find(|(_, one)| one.code() == Some(CONDITION_FAILED))?;
        Some((write, reason.item().cloned()))
    }

    fn is_conflict(&self) -> bool {
        let mut reasons = reasons(self).iter();
        // With a condition that does not hold, repeating is of no use.
        reasons.any(|reason| reason.code() == Some("TransactionConflict"))
            && self.refusal().is_none()
    }
}

fn reasons(fault: &TransactWriteItemsError) -> &[CancellationReason] {
    match fault {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

fn written<E: WriteError, R: Debug + Send + Sync + 'static>(
    sent: Result<Option<Item>, SdkError<E, R>>,
) -> Result<Written, CallError> {
    match sent {
        Ok(item) => Ok(Written::Done(item.unwrap_or_default())),
        Err(fault) => refusal(fault).map(|(_, existing)| Written::Refused(existing)),
    }
}

/// The first write whose condition does not hold, and its item as it stands.
fn refusal<E: WriteError, R: Debug + Send + Sync + 'static>(
    fault: SdkError<E, R>,
) -> Result<(usize, Option<Item>), CallError> {
    match fault.as_service_error().and_then(E::refusal) {
        Some(refusal) => Ok(refusal),
        None if is_conflict(&fault) => Err(CallError::contention(fault)),
        None => Err(CallError::from_sdk(fault)),
    }
}
