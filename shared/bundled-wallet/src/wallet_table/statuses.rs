//! Where credentials stand: a record for each, an entry for each that is not valid, and a version of each list.

use bestow_aws::item::{self, Item, number, string};
use bestow_aws::{CallError, Transacted, Write, Written};
use bestow_contract::CredentialStatus;
use bestow_issuer::{ListNumber, RevocationUuid, StatusRecord};
use serde::{Deserialize, Serialize};

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

/// A credential on a list that is not valid.
#[derive(Serialize, Deserialize)]
struct Entry {
    idx: u32,
    status: CredentialStatus,
}

/// What is known about a whole list.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

/// Which list is being filled.
#[derive(Deserialize)]
struct Current {
    list: ListNumber,
}

impl WalletTable {
    /// The status record that the UUID names the place of. Whether it is that UUID's own is for the
    /// domain to say. Consistent.
    pub async fn status(&self, uuid: RevocationUuid) -> Result<Option<StatusRecord>, CallError> {
        let found = self.0.get(status_key(uuid)).await?;
        Ok(found.map(item::read).transpose()?)
    }

    /// Writes a change that was decided on a record of status `from`: the record, the entry in its
    /// list and the list's version, all or none.
    ///
    /// Changes of one list at the same time meet at the version; they are tried again after a random wait.
    pub async fn change_status(
        &self,
        from: CredentialStatus,
        changed: &StatusRecord,
    ) -> Result<StatusChangeOutcome, CallError> {
        let uuid = changed.revocation_uuid;
        let record = Write::put(status_item(changed)?)
            .only_if("revocation_uuid = :uuid AND #status = :from")
            .value(":uuid", string(uuid.uuid()))
            .value(":from", string(from));
        let entry_key = list_key(uuid.list(), format!("{ENTRY}{}", uuid.index()));
        let entry = match changed.status {
            CredentialStatus::Valid => Write::delete(entry_key),
            status => {
                let idx = uuid.index();
                Write::put(item::write(entry_key, &Entry { idx, status })?)
            }
        };
        let version =
            Write::update(list_key(uuid.list(), HEAD), "ADD version :one").value(":one", number(1));
        match self.0.transact([record, entry, version]).await {
            Ok(Transacted::Done) => Ok(StatusChangeOutcome::Changed),
            Ok(Transacted::Refused { .. }) => Ok(StatusChangeOutcome::Outdated),
            Err(fault) if fault.is_contention() => Ok(StatusChangeOutcome::Contended),
            Err(fault) => Err(fault),
        }
    }

    /// The version of a list: it grows with every change, and is 0 before the first. Consistent: a
    /// change that has been answered is counted.
    pub async fn list_version(&self, list: ListNumber) -> Result<u64, CallError> {
        match self.0.get(list_key(list, HEAD)).await? {
            Some(head) => Ok(item::read::<Head>(head)?.version),
            None => Ok(0),
        }
    }

    /// Every entry of a list that is not valid, as index and status. Consistent: it holds at least the
    /// changes of any version that was read before.
    pub async fn list_entries(
        &self,
        list: ListNumber,
    ) -> Result<Vec<(u32, CredentialStatus)>, CallError> {
        let values = [(":list", string(list_pk(list))), (":entry", string(ENTRY))];
        let entries = self
            .0
            .query("pk = :list AND begins_with(sk, :entry)", values);
        let read = |item| {
            let Entry { idx, status } = item::read(item)?;
            Ok((idx, status))
        };
        let entries = self.0.all_items(entries).await?;
        entries.into_iter().map(read).collect()
    }

    /// The list whose indices are being given out.
    pub async fn current_list(&self) -> Result<ListNumber, CallError> {
        let current = self.0.get(current_key()).await?;
        current.map_or(Ok(ListNumber::FIRST), read_list)
    }

    /// Moves on from a list that has become too full to draw from, and returns the list to use now:
    /// `next`, or a later one if somebody else has moved on further.
    pub async fn advance_current_list(&self, next: ListNumber) -> Result<ListNumber, CallError> {
        let advance = Write::update(current_key(), "SET #list = :next")
            .only_if("attribute_not_exists(#list) OR #list < :next")
            .value(":next", number(next));
        match self.0.write(advance).await? {
            Written::Done(_) | Written::Refused(None) => Ok(next),
            Written::Refused(Some(current)) => read_list(current),
        }
    }
}

const HEAD: &str = "head";
const ENTRY: &str = "entry#";

fn status_key(uuid: RevocationUuid) -> Item {
    let place = format!("status#{}#{}", uuid.list(), uuid.index());
    item::key(place, "status")
}

fn list_pk(list: ListNumber) -> String {
    format!("list#{list}")
}

fn list_key(list: ListNumber, sk: impl ToString) -> Item {
    item::key(list_pk(list), sk)
}

fn current_key() -> Item {
    item::key("lists", "current")
}

pub(super) fn status_item(record: &StatusRecord) -> Result<Item, CallError> {
    item::write(status_key(record.revocation_uuid), record)
}

fn read_list(current: Item) -> Result<ListNumber, CallError> {
    Ok(item::read::<Current>(current)?.list)
}
