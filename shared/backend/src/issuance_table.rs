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

use bestow_aws::item::{MalformedItemError, number, string};
use bestow_aws::sdk::Sdk;
use bestow_aws::{CallError, Dynamodb, Table, Write, Written};
use bestow_contract::CorrelationId;
use bestow_issuance::Record;
use bestow_issuance::ports::{Cause, Records, RecordsError, Stored, Update};
use bestow_runtime::{ConfigError, Env, trace};
use jiff::Timestamp;
use uuid::Uuid;

/// The attribute that holds the X-Ray trace header of the Start issue.
const TRACE: &str = "trace";

/// The backend's table.
#[derive(Debug, Clone)]
pub struct IssuanceTable(Table);

impl IssuanceTable {
    /// The table called `name`.
    pub fn new(client: Dynamodb, name: &str) -> Self {
        Self(Table::new(client, name))
    }

    /// The table that `ISSUANCE_TABLE` names.
    pub fn from_env(env: &Env, sdk: &Sdk) -> Result<Self, ConfigError> {
        let table = env.required("ISSUANCE_TABLE", "the name of the issuance table")?;
        Ok(Self::new(sdk.dynamodb(), table))
    }

    /// Writes `mine`, or removes it.
    async fn write(&self, mine: &Stored, write: Write) -> Result<Update, RecordsError> {
        match self.0.write(write).await.map_err(unavailable)? {
            Written::Done(_) => Ok(Update::Done),
            Written::Refused(existing) => {
                let existing = existing.map(item::read).transpose();
                Ok(Update::instead_of(mine, existing.map_err(unreadable)?))
            }
        }
    }
}

impl Records for IssuanceTable {
    async fn reserve(&self, mine: &Stored) -> Result<Update, RecordsError> {
        let now = mine.record.reserved_at;
        let mut reservation = item::write(mine).map_err(unavailable)?;
        // What is announced of this issuance belongs to the trace that it began with.
        reservation
            .extend(trace::current().map(|trace| (TRACE.to_owned(), string(trace.as_str()))));
        let put = Write::put(reservation)
            .only_if(
                "attribute_not_exists(pk) OR (#state = :reserved AND #lease_until_ms <= :now_ms \
                 AND #request_hash = :request_hash) OR expires_at <= :now",
            )
            .value(":reserved", string(item::RESERVED))
            .value(":now_ms", number(now.as_millisecond()))
            // The table removes what has expired some time, perhaps days later.
            .value(":now", number(now.as_second()))
            .value(":request_hash", string(mine.record.request_hash.as_str()));
        self.write(mine, put).await
    }

    async fn get(&self, id: &CorrelationId) -> Result<Option<Record>, RecordsError> {
        let found = self.0.get(item::key(id)).await.map_err(unavailable)?;
        let found = found.filter(|item| !item::has_expired(item, Timestamp::now()));
        let found = found.map(item::read).transpose().map_err(unreadable)?;
        Ok(found.map(|stored| stored.record))
    }

    async fn get_many(
        &self,
        ids: &[CorrelationId],
    ) -> Result<HashMap<CorrelationId, Result<Stored, RecordsError>>, RecordsError> {
        let keys: Vec<_> = ids.iter().map(item::key).collect();
        let read = self.0.get_many(&keys).await.map_err(unavailable)?;
        let now = Timestamp::now();
        let found = read.found.into_iter();
        let found = found.filter(|item| !item::has_expired(item, now));
        let found = found.map(|item| {
            let id = item::correlation_id(&item).map_err(unreadable)?;
            Ok((id, item::read(item).map_err(unreadable)))
        });
        let left_out = read.left_out.iter().map(|key| {
            let id = item::correlation_id(key).map_err(unreadable)?;
            Ok((id, Err(unavailable(CallError::left_out()))))
        });
        found.chain(left_out).collect()
    }

    async fn update(&self, based_on: Uuid, after: &Stored) -> Result<Update, RecordsError> {
        let update = item::update(after).map_err(unavailable)?;
        self.write(after, update.if_written_by(based_on)).await
    }

    async fn remove(&self, mine: &Stored) -> Result<Update, RecordsError> {
        let remove = Write::delete(item::key(&mine.record.correlation_id));
        self.write(mine, remove.if_written_by(mine.write_id)).await
    }
}

fn unavailable(fault: impl Into<Cause>) -> RecordsError {
    RecordsError::Unavailable(fault.into())
}

fn unreadable(MalformedItemError { attribute, reason }: MalformedItemError) -> RecordsError {
    RecordsError::Malformed {
        attribute,
        reason: reason.to_owned(),
    }
}
