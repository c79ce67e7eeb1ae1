//! The item of an issued credential. It is never removed, because a credential can be revoked long after its issuance's
//! record is gone.
//!
//! publish-changes writes where the credential came from, and whoever asked the wallet writes its status, in either
//! order.

use bestow_aws::item::{self, Item, MalformedItemError, number, string};
use bestow_aws::{Write, Written};
use bestow_contract::{CorrelationId, CredentialStatus};
use bestow_issuance::ports::{CredentialStatuses, Noted, RecordsError};
use bestow_issuance::{CredentialChange, IssuedCredential};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::Deserialize;
use uuid::Uuid;

use super::item::there;
use super::{IssuanceTable, unavailable};

const KEY_PREFIX: &str = "credential#";

#[derive(Deserialize)]
struct CredentialItem {
    correlation_id: Option<CorrelationId>,
    template_id: Option<String>,
    status: Option<CredentialStatus>,
    #[serde(default, with = "millisecond::optional")]
    status_recorded_ms: Option<Timestamp>,
    status_sequence: Option<u64>,
}

fn key(revocation_uuid: Uuid) -> Item {
    item::key(format!("{KEY_PREFIX}{revocation_uuid}"), "status")
}

/// Whether an item is one of these.
pub(super) fn is_key_of(item: &Item) -> bool {
    item::parsed_key::<String>(item, "pk", KEY_PREFIX).is_some()
}

/// The change of a credential's status since the item was `before`, if its issuance is known.
pub(super) fn change(
    before: Option<Item>,
    after: Item,
) -> Result<Option<CredentialChange>, MalformedItemError> {
    let revocation_uuid = item::parsed_key(&after, "pk", KEY_PREFIX);
    let after: CredentialItem = item::read(after)?;
    let (Some(correlation_id), Some(status)) = (after.correlation_id, after.status) else {
        return Ok(None);
    };
    let sequence = there(after.status_sequence, "status_sequence")?;
    // An old image that cannot be read costs a repeat.
    let before = before.and_then(|before| item::read::<CredentialItem>(before).ok());
    if before.is_some_and(|before| {
        before.correlation_id.is_some() && before.status_sequence == Some(sequence)
    }) {
        return Ok(None);
    }
    Ok(Some(CredentialChange {
        credential: IssuedCredential {
            revocation_uuid: revocation_uuid
                .ok_or_else(|| MalformedItemError::new("pk", "is not the key of a credential"))?,
            correlation_id,
            template_id: there(after.template_id, "template_id")?,
        },
        status,
        sequence,
        recorded_at: there(after.status_recorded_ms, "status_recorded_ms")?,
    }))
}

impl CredentialStatuses for IssuanceTable {
    async fn remember(&self, credential: &IssuedCredential) -> Result<(), RecordsError> {
        let change = "SET correlation_id = if_not_exists(correlation_id, :correlation_id), \
                      template_id = if_not_exists(template_id, :template_id)";
        let remember = Write::update(key(credential.revocation_uuid), change)
            .value(":correlation_id", string(&credential.correlation_id))
            .value(":template_id", string(&credential.template_id));
        self.0.write(remember).await.map(drop).map_err(unavailable)
    }

    async fn note(
        &self,
        revocation_uuid: Uuid,
        status: CredentialStatus,
        now: Timestamp,
    ) -> Result<Noted, RecordsError> {
        // The condition fails for a repeat of our own write, too, which was done then.
        let differs = match status {
            CredentialStatus::Valid => "#status = :suspended",
            CredentialStatus::Suspended => "attribute_not_exists(#status) OR #status = :valid",
            CredentialStatus::Revoked => "attribute_not_exists(#status) OR #status <> :status",
        };
        let change = "SET #status = :status, status_recorded_ms = :now_ms, \
                      status_sequence = if_not_exists(status_sequence, :zero) + :one";
        let note = Write::update(key(revocation_uuid), change)
            .only_if(differs)
            .value(":status", string(status))
            .value(":valid", string(CredentialStatus::Valid))
            .value(":suspended", string(CredentialStatus::Suspended))
            .value(":now_ms", number(now.as_millisecond()))
            .value(":zero", number(0))
            .value(":one", number(1));
        match self.0.write(note).await.map_err(unavailable)? {
            Written::Done(_) => Ok(Noted::Changed),
            Written::Refused(_) => Ok(Noted::Known),
        }
    }
}
