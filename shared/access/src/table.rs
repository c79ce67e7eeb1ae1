//! The records in DynamoDB, and what operators do with them.
//!
//! | `pk` | `sk` | |
//! |---|---|---|
//! | `keys` | `key#{id}` | one item for each API key: one Query reads them all |
//! | `rate#{caller}` | `window#{begin}` | how many requests of a window were leased, see `limiter` |

mod item;

use std::collections::HashMap;

use aws::CallError;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use thiserror::Error;

use crate::api_key::KeyId;
use crate::key_record::{KeyRecord, KeyState};
use crate::limiter::{Lease, Window, Windows};

/// How long after its end a window is kept, in seconds: longer than clocks differ.
const WINDOW_REMEMBERED_SECONDS: i64 = 3_600;

/// The table of who may do what.
#[derive(Debug, Clone)]
pub struct AccessTable {
    client: Client,
    name: String,
}

pub(crate) type Item = HashMap<String, AttributeValue>;

/// Why an operator's change was not made.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The id is not known, or was forgotten long after the key ended.
    #[error("there is no API key {0}: `keys list` shows those that there are")]
    Unknown(KeyId),
    /// A key that has ended cannot be rotated.
    #[error("the API key {0} has ended already: make another one with `keys create`")]
    Ended(KeyId),
    /// It was rotated before.
    #[error(
        "the API key {id} was replaced by {by} already: rotate {by} if its key was lost, and `keys revoke {id}` ends \
         this one at once"
    )]
    Replaced {
        /// The key.
        id: KeyId,
        /// The one that replaces it.
        by: KeyId,
    },
    /// An id that was drawn for a new key is taken, or another command changed the key meanwhile.
    #[error("the keys were changed by someone else just now: try again")]
    Overtaken,
    /// The table cannot be read or written.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl AccessTable {
    /// The table called `name`.
    pub fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }

    /// Every key, as it is now.
    ///
    /// # Errors
    /// The table cannot be read. An item that cannot be understood is left out and logged: it must not lock
    /// everyone out.
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, CallError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .consistent_read(true)
                .key_condition_expression("pk = :keys")
                .expression_attribute_values(":keys", item::string(item::KEYS))
                .set_exclusive_start_key(from)
                .send()
                .await
                .map_err(CallError::from_sdk)?;
            for item in answer.items.unwrap_or_default() {
                match item::read(&item) {
                    Some(record) => found.push(record),
                    None => tracing::error!(
                        key_id = item::id(&item),
                        "an API key in the table cannot be read"
                    ),
                }
            }
            match answer.last_evaluated_key {
                Some(last) if !last.is_empty() => from = Some(last),
                _ => return Ok(found),
            }
        }
    }

    /// Writes a new key.
    ///
    /// # Errors
    /// [`ChangeError::Overtaken`] if its id is taken by another one; a repeat of the same write is no error.
    pub async fn create(&self, key: &KeyRecord) -> Result<(), ChangeError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item::write(key)))
            .condition_expression("attribute_not_exists(pk) OR key_hash = :hash")
            .expression_attribute_values(":hash", item::string(key.hash.to_hex()))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(()),
            Err(fault) => Err(match fault.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => ChangeError::Overtaken,
                _ => CallError::from_sdk(fault).into(),
            }),
        }
    }

    /// Writes a key over what was there under its id.
    ///
    /// # Errors
    /// The table cannot be written.
    pub async fn put(&self, key: &KeyRecord) -> Result<(), CallError> {
        self.client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item::write(key)))
            .send()
            .await
            .map(drop)
            .map_err(CallError::from_sdk)
    }

    /// Ends a key now, and gives its record as it is then. A key that was revoked before stays revoked since then.
    ///
    /// # Errors
    /// [`ChangeError::Unknown`].
    pub async fn revoke(&self, id: &KeyId, now_ms: i64) -> Result<KeyRecord, ChangeError> {
        let mut record = self.key(id).await?;
        if record.revoked_at_ms.is_some() {
            return Ok(record);
        }
        record.revoked_at_ms = Some(now_ms);
        let sent = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(item::key(id)))
            .condition_expression("attribute_exists(pk)")
            .update_expression("SET revoked_at_ms = :now_ms, expires_at = :forgotten_at")
            .expression_attribute_values(":now_ms", item::number(now_ms))
            .expression_attribute_values(
                ":forgotten_at",
                item::number(record.forgotten_at().unwrap_or(i64::MAX)),
            )
            .send()
            .await;
        match sent {
            Ok(_) => Ok(record),
            Err(fault) => Err(match fault.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => {
                    ChangeError::Unknown(id.clone())
                }
                _ => CallError::from_sdk(fault).into(),
            }),
        }
    }

    /// Writes `new` in place of the key `id`, which ends at `until_ms` or when it would have ended anyway, and
    /// gives the old one's record as it is then. Both are written, or neither is.
    ///
    /// # Errors
    /// The key is not known, has ended, or was replaced before.
    pub async fn rotate(
        &self,
        id: &KeyId,
        new: impl FnOnce(&KeyRecord) -> KeyRecord,
        until_ms: i64,
        now_ms: i64,
    ) -> Result<(KeyRecord, KeyRecord), ChangeError> {
        let mut old = self.key(id).await?;
        if let Some(by) = old.replaced_by {
            return Err(ChangeError::Replaced { id: old.id, by });
        }
        if old.state(now_ms) != KeyState::Valid {
            return Err(ChangeError::Ended(old.id));
        }
        let new = new(&old);
        old.replaced_by = Some(new.id.clone());
        old.valid_until_ms = Some(old.valid_until_ms.map_or(until_ms, |end| end.min(until_ms)));
        let unbuilt = |_| CallError::unexpected("a write that cannot be built");
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item::write(&new)))
            .condition_expression("attribute_not_exists(pk) OR key_hash = :hash")
            .expression_attribute_values(":hash", item::string(new.hash.to_hex()))
            .build()
            .map_err(unbuilt)?;
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(item::key(id)))
            .condition_expression(
                "attribute_exists(pk) AND attribute_not_exists(revoked_at_ms) \
                 AND (attribute_not_exists(replaced_by) OR replaced_by = :new_id)",
            )
            .update_expression(
                "SET replaced_by = :new_id, valid_until_ms = :until_ms, expires_at = :forgotten_at",
            )
            .expression_attribute_values(":new_id", item::string(new.id.as_str()))
            .expression_attribute_values(
                ":until_ms",
                item::number(old.valid_until_ms.unwrap_or(until_ms)),
            )
            .expression_attribute_values(
                ":forgotten_at",
                item::number(old.forgotten_at().unwrap_or(i64::MAX)),
            )
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::None)
            .build()
            .map_err(unbuilt)?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().update(update).build())
            .send()
            .await;
        match sent {
            Ok(_) => Ok((old, new)),
            Err(fault) => Err(match fault.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(_)) => {
                    ChangeError::Overtaken
                }
                _ => CallError::from_sdk(fault).into(),
            }),
        }
    }

    async fn key(&self, id: &KeyId) -> Result<KeyRecord, ChangeError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(item::key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(CallError::from_sdk)?;
        let item = answer
            .item
            .ok_or_else(|| ChangeError::Unknown(id.clone()))?;
        let read = item::read(&item);
        read.ok_or_else(|| CallError::unexpected("an API key that cannot be read").into())
    }
}

impl Windows for AccessTable {
    /// A reply that got lost is sent again by the SDK, and the part is then counted twice: the caller is allowed
    /// less than the limit, never more.
    async fn lease(&self, window: &Window<'_>, part: u32) -> Result<Lease, CallError> {
        let room = window.allowance.saturating_sub(part);
        let sent = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(item::window_key(window)))
            .condition_expression("attribute_not_exists(taken) OR taken <= :room")
            .update_expression("SET expires_at = :forgotten_at ADD taken :part")
            .expression_attribute_values(":room", item::number(room.into()))
            .expression_attribute_values(":part", item::number(part.into()))
            .expression_attribute_values(
                ":forgotten_at",
                item::number(window.ends_ms.div_euclid(1_000) + WINDOW_REMEMBERED_SECONDS),
            )
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let (is_given, taken) = match &sent {
            Ok(answer) => (true, item::taken(answer.attributes())),
            Err(fault) => match fault.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    (false, item::taken(failed.item()))
                }
                _ => (false, None),
            },
        };
        match (taken, sent) {
            (Some(taken), _) => Ok(Lease { is_given, taken }),
            (None, Err(fault)) => Err(CallError::from_sdk(fault)),
            (None, Ok(_)) => Err(CallError::unexpected("a window without a count")),
        }
    }
}
