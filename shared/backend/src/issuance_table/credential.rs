//! What is known about an issued credential: an item of its own that is never removed, because a
//! credential can be revoked long after its issuance's record is gone.
//!
//! Two hands write it, each its own attributes: the publisher of changes notes where the credential came
//! from, and whoever heard the wallet notes its status. Which comes first is not known.

use aws::item::{Item, Malformed, keys, malformed, number, parsed, parsed_number, string, text};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use contract::CredentialStatus;
use issuance::ports::{CredentialStatuses, Noted, RecordsError};
use issuance::{CredentialChange, IssuedCredential};
use uuid::Uuid;

use super::{IssuanceTable, unavailable};

const KEY_PREFIX: &str = "credential#";
const SORT_KEY: &str = "status";

fn key(revocation_uuid: Uuid) -> Item {
    keys(format!("{KEY_PREFIX}{revocation_uuid}"), SORT_KEY)
}

/// Whether an item is one of these.
pub(super) fn is_key_of(item: &Item) -> bool {
    text(item, "pk").is_ok_and(|pk| pk.starts_with(KEY_PREFIX))
}

/// The change of a credential's status that can be announced since the item was `before`: it is one that
/// the item did not have, or whose issuance was not known.
pub(super) fn change(
    before: Option<&Item>,
    after: &Item,
) -> Result<Option<CredentialChange>, Malformed> {
    if !after.contains_key("correlation_id") || !after.contains_key("status") {
        return Ok(None);
    }
    let sequence: u64 = parsed_number(after, "status_sequence")?;
    let is_announced = before.is_some_and(|before| {
        before.contains_key("correlation_id")
            && parsed_number(before, "status_sequence").is_ok_and(|known: u64| known == sequence)
    });
    if is_announced {
        return Ok(None);
    }
    let revocation_uuid = text(after, "pk")?
        .strip_prefix(KEY_PREFIX)
        .and_then(|uuid| uuid.parse().ok())
        .ok_or_else(|| malformed("pk", "is not the key of a credential"))?;
    Ok(Some(CredentialChange {
        credential: IssuedCredential {
            revocation_uuid,
            correlation_id: parsed(after, "correlation_id")?,
            template_id: text(after, "template_id")?.to_owned(),
        },
        status: text(after, "status")?
            .parse()
            .map_err(|_| malformed("status", "is not one of valid, suspended and revoked"))?,
        sequence,
        recorded_ms: parsed_number(after, "status_recorded_ms")?,
    }))
}

impl CredentialStatuses for IssuanceTable {
    async fn remember(&self, credential: &IssuedCredential) -> Result<(), RecordsError> {
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key(credential.revocation_uuid)))
            .update_expression(
                "SET correlation_id = if_not_exists(correlation_id, :correlation_id), \
                 template_id = if_not_exists(template_id, :template_id)",
            )
            .expression_attribute_values(":correlation_id", string(&credential.correlation_id))
            .expression_attribute_values(":template_id", string(&credential.template_id))
            .send()
            .await
            .map(drop)
            .map_err(unavailable)
    }

    async fn note(
        &self,
        revocation_uuid: Uuid,
        status: CredentialStatus,
        now_ms: i64,
    ) -> Result<Noted, RecordsError> {
        // The condition fails for a repeat of our own write, too, which was done then.
        let differs = match status {
            CredentialStatus::Valid => "#status = :suspended",
            CredentialStatus::Suspended => "attribute_not_exists(#status) OR #status = :valid",
            CredentialStatus::Revoked => "attribute_not_exists(#status) OR #status <> :status",
        };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key(revocation_uuid)))
            .condition_expression(differs)
            .update_expression(
                "SET #status = :status, status_recorded_ms = :now_ms, \
                 status_sequence = if_not_exists(status_sequence, :zero) + :one",
            )
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", string(status))
            .expression_attribute_values(":now_ms", number(now_ms))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1));
        update = match status {
            CredentialStatus::Valid => update
                .expression_attribute_values(":suspended", string(CredentialStatus::Suspended)),
            CredentialStatus::Suspended => {
                update.expression_attribute_values(":valid", string(CredentialStatus::Valid))
            }
            CredentialStatus::Revoked => update,
        };
        let Err(fault) = update.send().await else {
            return Ok(Noted::Changed);
        };
        match fault.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(Noted::Known),
            _ => Err(unavailable(fault)),
        }
    }
}
