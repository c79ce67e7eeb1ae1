//! The records in DynamoDB, and what operators do with them.
//!
//! | `pk` | `sk` | |
//! |---|---|---|
//! | `keys` | `key#{id}` | one item for each API key: one Query reads them all |
//! | `rate#{caller}` | `window#{begin}` | how many requests of a window were leased, see `limiter` |

mod item;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use bestow_aws::Dynamodb;
use bestow_aws::item::{number, string};
use bestow_aws::{CallError, Table, Transacted, Write, Written};
use jiff::Timestamp;
use thiserror::Error;

use crate::api_key::KeyId;
use crate::key_record::{KeyRecord, KeyState};
use crate::limiter::{Lease, Window, Windows};

/// How long after its end a window is stored: longer than clocks differ.
const WINDOW_REMEMBERED: Duration = Duration::from_secs(3_600);

/// The table of API keys and rate limits.
#[derive(Debug, Clone)]
pub struct AccessTable(Table);

/// Why an operator's change was not made.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The id is not known, or not any more.
    #[error("there is no API key {0}: `keys list` shows those that there are")]
    Unknown(KeyId),
    /// A key that has ended cannot be rotated.
    #[error("the API key {0} has ended already: make another one with `keys create`")]
    Ended(KeyId),
    /// The key was rotated before.
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
    /// The new key's id is taken, or another command changed the key meanwhile.
    #[error("the keys were changed by someone else just now: try again")]
    Overtaken,
    /// The table cannot be read or written.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl AccessTable {
    /// The table called `name`.
    pub fn new(client: Dynamodb, name: &str) -> Self {
        Self(Table::new(client, name))
    }

    /// Every key. An item that is malformed is logged and left out: it must not lock everyone out.
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, CallError> {
        let keys = self.0.query("pk = :keys", [(":keys", string(item::KEYS))]);
        let mut found = Vec::new();
        for item in self.0.all_items(keys).await? {
            let key_id = item::id(&item);
            match item::read(item) {
                Ok(record) => found.push(record),
                Err(_) => tracing::error!(
                    key_id = key_id.as_ref().map(KeyId::as_str),
                    "an API key in the table cannot be read"
                ),
            }
        }
        Ok(found)
    }

    /// Writes a new key. To repeat the same write is no error.
    pub async fn create(&self, key: &KeyRecord) -> Result<(), ChangeError> {
        match self.0.write(new_key(key)?).await? {
            Written::Done(_) => Ok(()),
            Written::Refused(_) => Err(ChangeError::Overtaken),
        }
    }

    /// Writes a key over what is there under its id.
    pub async fn put(&self, key: &KeyRecord) -> Result<(), CallError> {
        let put = Write::put(item::write(key)?);
        self.0.write(put).await.map(drop)
    }

    /// Ends a key now, unless it was revoked before, and gives its record as it is then.
    pub async fn revoke(&self, id: &KeyId, now: Timestamp) -> Result<KeyRecord, ChangeError> {
        let mut record = self.key(id).await?;
        if record.revoked_at.is_some() {
            return Ok(record);
        }
        record.revoked_at = Some(now);
        let change = "SET revoked_at_ms = :now_ms, expires_at = :forgotten_at";
        let revoke = Write::update(item::key(id), change)
            .only_if("attribute_exists(pk)")
            .value(":now_ms", number(now.as_millisecond()))
            .value(":forgotten_at", forgotten_at(&record));
        match self.0.write(revoke).await? {
            Written::Done(_) => Ok(record),
            Written::Refused(_) => Err(ChangeError::Unknown(id.clone())),
        }
    }

    /// Writes `new` in place of the key `id`, which ends at `until` or when it would have ended anyway, and gives the
    /// records of both. Both are written, or neither is.
    pub async fn rotate(
        &self,
        id: &KeyId,
        new: impl FnOnce(&KeyRecord) -> KeyRecord,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(KeyRecord, KeyRecord), ChangeError> {
        let mut old = self.key(id).await?;
        if let Some(by) = old.replaced_by {
            return Err(ChangeError::Replaced { id: old.id, by });
        }
        if old.state(now) != KeyState::Valid {
            return Err(ChangeError::Ended(old.id));
        }
        let new = new(&old);
        old.replaced_by = Some(new.id.clone());
        let until = old.valid_until.map_or(until, |end| end.min(until));
        old.valid_until = Some(until);
        let change =
            "SET replaced_by = :new_id, valid_until_ms = :until_ms, expires_at = :forgotten_at";
        let replace = Write::update(item::key(id), change)
            .only_if(
                "attribute_exists(pk) AND attribute_not_exists(revoked_at_ms) \
                 AND (attribute_not_exists(replaced_by) OR replaced_by = :new_id)",
            )
            .value(":new_id", string(&new.id))
            .value(":until_ms", number(until.as_millisecond()))
            .value(":forgotten_at", forgotten_at(&old));
        match self.0.transact([new_key(&new)?, replace]).await {
            Ok(Transacted::Done) => Ok((old, new)),
            Ok(Transacted::Refused { .. }) => Err(ChangeError::Overtaken),
            Err(fault) if fault.is_contention() => Err(ChangeError::Overtaken),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn key(&self, id: &KeyId) -> Result<KeyRecord, ChangeError> {
        let found = self.0.get(item::key(id)).await?;
        let found = found.ok_or_else(|| ChangeError::Unknown(id.clone()))?;
        Ok(item::read(found).map_err(CallError::from)?)
    }
}

/// Puts a key whose id is not taken by another one.
fn new_key(key: &KeyRecord) -> Result<Write, CallError> {
    let put = Write::put(item::write(key)?);
    Ok(put
        .only_if("attribute_not_exists(pk) OR key_hash = :hash")
        .value(":hash", string(key.hash.to_hex())))
}

/// The time to live of a key's record.
fn forgotten_at(key: &KeyRecord) -> AttributeValue {
    number(key.forgotten_at().unwrap_or(Timestamp::MAX).as_second())
}

impl Windows for AccessTable {
    /// If a reply is lost, the SDK repeats the write and the part counts twice: the caller is allowed less than the
    /// limit, never more.
    async fn lease(&self, caller: &str, window: &Window, part: u32) -> Result<Lease, CallError> {
        let room = window.allowance.saturating_sub(part);
        let forgotten_at = window.ends_at + WINDOW_REMEMBERED;
        let change = "SET expires_at = :forgotten_at ADD taken :part";
        let take = Write::update(item::window_key(caller, window), change)
            .only_if("attribute_not_exists(taken) OR taken <= :room")
            .value(":room", number(room))
            .value(":part", number(part))
            .value(":forgotten_at", number(forgotten_at.as_second()))
            .returning_item();
        let (is_given, window) = match self.0.write(take).await? {
            Written::Done(window) => (true, window),
            Written::Refused(window) => (false, window.unwrap_or_default()),
        };
        let taken = item::taken(window)?;
        Ok(Lease { is_given, taken })
    }
}
