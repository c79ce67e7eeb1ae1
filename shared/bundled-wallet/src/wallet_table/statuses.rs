//! Where credentials stand: a record for each, an entry for each that is not valid, and a version of
//! each list that grows with every change of it.

use aws::CallError;
use aws::conflicts::{CONDITION_FAILED, despite_conflicts, is_conflict};
use aws::item::{Item, number, parsed_number, string};
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use contract::CredentialStatus;
use issuer::{ListNumber, RevocationUuid, StatusRecord};

use super::WalletTable;

/// What became of a change of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChangeOutcome {
    /// It is stored, and part of every list that is read from now on.
    Changed,
    /// The stored record is no longer what the change was decided on. Nothing was written.
    Outdated,
    /// Other changes of the same list were in the way for seconds. Nothing was written.
    Contended,
}

impl WalletTable {
    /// The status record that the UUID names the place of. Whether it is that UUID's own is for the
    /// domain to say. Consistent.
    pub async fn status(&self, uuid: RevocationUuid) -> Result<Option<StatusRecord>, CallError> {
        let (pk, sk) = status_key(uuid);
        self.get(pk, sk)
            .await?
            .map(serde_dynamo::from_item)
            .transpose()
            .map_err(|_| CallError::unexpected("a malformed status item"))
    }

    /// Writes a change that was decided on a record of status `from`: the record, the entry in its
    /// list and the list's version, all or none.
    ///
    /// Changes of one list at the same time get in each other's way at the version; they are tried
    /// again after a random wait, and none is lost.
    pub async fn change_status(
        &self,
        from: CredentialStatus,
        changed: &StatusRecord,
    ) -> Result<StatusChangeOutcome, CallError> {
        let writes = self
            .status_change(from, changed)
            .map_err(|_| CallError::unexpected("an incomplete write"))?;
        let transaction = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes));
        match despite_conflicts(|| transaction.clone().send()).await {
            Ok(_) => Ok(StatusChangeOutcome::Changed),
            Err(fault) if is_conflict(&fault) => Ok(StatusChangeOutcome::Contended),
            Err(fault) if is_refused(&fault) => Ok(StatusChangeOutcome::Outdated),
            Err(fault) => Err(CallError::from_sdk(fault)),
        }
    }

    fn status_change(
        &self,
        from: CredentialStatus,
        changed: &StatusRecord,
    ) -> Result<Vec<TransactWriteItem>, BuildError> {
        let uuid = changed.revocation_uuid;
        let record = Put::builder()
            .table_name(&self.name)
            .set_item(status_item(changed).ok())
            .condition_expression("revocation_uuid = :uuid AND #status = :from")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":uuid", string(uuid.to_string()))
            .expression_attribute_values(":from", string(from.as_str()))
            .build()?;
        let record = TransactWriteItem::builder().put(record).build();

        let entry_sk = string(format!("{ENTRY}{}", uuid.index()));
        let entry = if changed.status == CredentialStatus::Valid {
            let gone = Delete::builder()
                .table_name(&self.name)
                .key("pk", list_key(uuid.list()))
                .key("sk", entry_sk)
                .build()?;
            TransactWriteItem::builder().delete(gone).build()
        } else {
            let listed = Put::builder()
                .table_name(&self.name)
                .item("pk", list_key(uuid.list()))
                .item("sk", entry_sk)
                .item("idx", number(uuid.index()))
                .item("status", string(changed.status.as_str()))
                .build()?;
            TransactWriteItem::builder().put(listed).build()
        };

        let version = Update::builder()
            .table_name(&self.name)
            .key("pk", list_key(uuid.list()))
            .key("sk", string(HEAD))
            .update_expression("ADD version :one")
            .expression_attribute_values(":one", number(1))
            .build()?;
        let version = TransactWriteItem::builder().update(version).build();
        Ok(vec![record, entry, version])
    }

    /// The version of a list: it grows with every change, and is 0 before the first. Consistent: a
    /// change that has been answered is counted.
    pub async fn list_version(&self, list: ListNumber) -> Result<u64, CallError> {
        self.get(list_key(list), string(HEAD))
            .await?
            .map_or(Ok(0), |head| Ok(parsed_number(&head, "version")?))
    }

    /// Every entry of a list that is not valid, as index and status. Consistent: it holds at least the
    /// changes of any version that was read before.
    pub async fn list_entries(
        &self,
        list: ListNumber,
    ) -> Result<Vec<(u32, CredentialStatus)>, CallError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("pk = :list AND begins_with(sk, :entry)")
            .expression_attribute_values(":list", list_key(list))
            .expression_attribute_values(":entry", string(ENTRY))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut entries = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(CallError::from_sdk)?;
            let status = item
                .get("status")
                .and_then(|status| status.as_s().ok())
                .and_then(|name| name.parse().ok())
                .ok_or_else(|| CallError::unexpected("a list entry without a known status"))?;
            entries.push((parsed_number(&item, "idx")?, status));
        }
        Ok(entries)
    }

    /// The list whose indices are being given out.
    pub async fn current_list(&self) -> Result<ListNumber, CallError> {
        self.get(string(LISTS), string(CURRENT))
            .await?
            .map_or(Ok(ListNumber::FIRST), |current| read_list(&current))
    }

    /// Moves on from a list that has become too full to draw from, and returns the list to use now:
    /// `next`, or a later one if somebody else has moved on further.
    pub async fn advance_current_list(&self, next: ListNumber) -> Result<ListNumber, CallError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", string(LISTS))
            .key("sk", string(CURRENT))
            .update_expression("SET #list = :next")
            .condition_expression("attribute_not_exists(#list) OR #list < :next")
            .expression_attribute_names("#list", "list")
            .expression_attribute_values(":next", number(u32::from(next)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(_) => Ok(next),
            Err(fault) => match fault.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    failed.item().map_or(Ok(next), read_list)
                }
                _ => Err(CallError::from_sdk(fault)),
            },
        }
    }
}

const STATUS: &str = "status";
const HEAD: &str = "head";
const ENTRY: &str = "entry#";
const LISTS: &str = "lists";
const CURRENT: &str = "current";

fn status_key(uuid: RevocationUuid) -> (AttributeValue, AttributeValue) {
    (
        string(format!("status#{}#{}", uuid.list(), uuid.index())),
        string(STATUS),
    )
}

fn list_key(list: ListNumber) -> AttributeValue {
    string(format!("list#{list}"))
}

pub(super) fn status_item(record: &StatusRecord) -> Result<Item, CallError> {
    let mut item: Item = serde_dynamo::to_item(record)
        .map_err(|_| CallError::unexpected("a status record that does not fit an item"))?;
    let (pk, sk) = status_key(record.revocation_uuid);
    item.insert("pk".to_owned(), pk);
    item.insert("sk".to_owned(), sk);
    Ok(item)
}

fn read_list(current: &Item) -> Result<ListNumber, CallError> {
    parsed_number::<u32>(current, "list")?
        .try_into()
        .map_err(|_| CallError::unexpected("a list number out of range"))
}

/// Whether a condition of the transaction did not hold.
fn is_refused(fault: &SdkError<TransactWriteItemsError>) -> bool {
    match fault.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled
            .cancellation_reasons()
            .iter()
            .any(|reason| reason.code() == Some(CONDITION_FAILED)),
        _ => false,
    }
}
