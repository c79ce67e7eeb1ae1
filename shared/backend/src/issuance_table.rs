//! The backend's table: one item for each issuance, and one for each credential that can be revoked.
//!
//! | `pk` | `sk` |
//! |---|---|
//! | `issuance#{correlation_id}` | `record` |
//! | `credential#{revocation_uuid}` | `status` |

mod credential;
mod item;
mod stream;

pub use stream::{announcement, trace_of};

use std::collections::HashMap;

use aws::CallError;
use aws::batch_get::batch_get;
use aws::item::{number, string};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use contract::CorrelationId;
use issuance::Record;
use issuance::ports::{Records, RecordsError, Reservation, Stored, Update};
use runtime::trace;
use uuid::Uuid;

use self::item::unreadable;

/// The attribute that holds the X-Ray trace header of the Start issue.
const TRACE: &str = "trace";

/// The backend's table.
#[derive(Debug, Clone)]
pub struct IssuanceTable {
    client: Client,
    name: String,
}

impl IssuanceTable {
    /// The table called `name`.
    pub fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }
}

impl Records for IssuanceTable {
    async fn reserve(&self, mine: &Stored, now_ms: i64) -> Result<Reservation, RecordsError> {
        let mut reservation = item::write(mine);
        // For the stream: what is announced of this issuance belongs to the trace that it began with.
        reservation
            .extend(trace::current().map(|trace| (TRACE.to_owned(), string(trace.as_str()))));
        let sent = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(reservation))
            .condition_expression(
                "attribute_not_exists(pk) OR (#state = :reserved AND #lease_until_ms <= :now_ms \
                 AND #request_hash = :request_hash) OR expires_at <= :now",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#lease_until_ms", "lease_until_ms")
            .expression_attribute_names("#request_hash", "request_hash")
            .expression_attribute_values(":reserved", string(item::RESERVED))
            .expression_attribute_values(":now_ms", number(now_ms))
            // The table removes what has expired some time, perhaps days later.
            .expression_attribute_values(":now", number(now_ms.div_euclid(1_000)))
            .expression_attribute_values(":request_hash", string(mine.record.request_hash.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(fault) = sent else {
            return Ok(Reservation::Fresh);
        };
        match fault.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let existing = failed
                    .item()
                    .ok_or_else(|| unexpected("no item where one is"))?;
                Ok(Reservation::instead_of(
                    mine,
                    item::read(existing).map_err(unreadable)?,
                ))
            }
            _ => Err(unavailable(fault)),
        }
    }

    async fn get(&self, id: &CorrelationId) -> Result<Option<Record>, RecordsError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(item::key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        answer
            .item
            .map(|item| item::read(&item).map(|stored| stored.record))
            .transpose()
            .map_err(unreadable)
    }

    async fn get_many(
        &self,
        ids: &[CorrelationId],
    ) -> Result<HashMap<CorrelationId, Result<Stored, RecordsError>>, RecordsError> {
        let keys: Vec<_> = ids.iter().map(item::key).collect();
        let read = batch_get(&self.client, &self.name, &keys).await;
        let read = read.map_err(|fault| RecordsError::Unavailable(Box::new(fault)))?;
        let mut found = HashMap::with_capacity(ids.len());
        for item in read.items {
            let id = item::correlation_id(&item).map_err(unreadable)?;
            found.insert(id, item::read(&item).map_err(unreadable));
        }
        for key in read.left_out {
            let left_out = Err(unexpected(
                "the item was left out of a batch again and again",
            ));
            found.insert(item::correlation_id(&key).map_err(unreadable)?, left_out);
        }
        Ok(found)
    }

    async fn update(&self, based_on: Uuid, after: &Stored) -> Result<Update, RecordsError> {
        let change = item::change(after);
        let sent = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(item::key(&after.record.correlation_id)))
            .condition_expression("#write_id = :based_on")
            .update_expression(change.expression)
            .set_expression_attribute_names(Some(change.names))
            .set_expression_attribute_values(Some(change.values))
            .expression_attribute_values(":based_on", string(based_on))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(fault) = sent else {
            return Ok(Update::Done);
        };
        match fault.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let existing = failed
                    .item()
                    .map(item::read)
                    .transpose()
                    .map_err(unreadable)?;
                Ok(Update::instead_of(after, existing))
            }
            _ => Err(unavailable(fault)),
        }
    }

    async fn remove(&self, mine: &Stored) -> Result<Update, RecordsError> {
        let sent = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(item::key(&mine.record.correlation_id)))
            .condition_expression("#write_id = :mine")
            .expression_attribute_names("#write_id", "write_id")
            .expression_attribute_values(":mine", string(mine.write_id))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(fault) = sent else {
            return Ok(Update::Done);
        };
        match fault.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(failed)) => Ok(
                match failed
                    .item()
                    .map(item::read)
                    .transpose()
                    .map_err(unreadable)?
                {
                    Some(current) => Update::Overtaken(Box::new(current)),
                    None => Update::Gone,
                },
            ),
            _ => Err(unavailable(fault)),
        }
    }
}

fn unavailable<E, R>(fault: aws_sdk_dynamodb::error::SdkError<E, R>) -> RecordsError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    RecordsError::Unavailable(Box::new(CallError::from_sdk(fault)))
}

fn unexpected(reason: &str) -> RecordsError {
    RecordsError::Unavailable(Box::new(CallError::unexpected(reason)))
}
