//! What a record of the table's stream announces.

use bestow_aws::item::{Item, MalformedItemError};
use bestow_issuance::ports::RecordsError;
use bestow_issuance::{Announcement, Change, IssuedCredential, Record};
use bestow_runtime::trace::TraceHeader;
use serde::Deserialize;
use serde_json::Value;

use super::{TRACE, credential, item, unreadable};

/// What a change of an item announces, given its images as a stream record has them: JSON, each value under the name of
/// its type. `Err` names the attribute that cannot be understood; a repeat changes nothing.
pub fn announcement(
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<Option<Announcement>, RecordsError> {
    let Some(after) = after else {
        // What is removed was reserved and never started, or has expired.
        return Ok(None);
    };
    let after = read_image(after).map_err(unreadable)?;
    let before = before.map(read_image).transpose().map_err(unreadable)?;
    if credential::is_key_of(&after) {
        let change = credential::change(before, after).map_err(unreadable)?;
        return Ok(change.map(Announcement::Credential));
    }
    if !item::is_key_of(&after) {
        return Ok(None);
    }
    let record = item::read(after).map_err(unreadable)?.record;
    // An old image that cannot be read costs a repeat.
    let record_before = before
        .clone()
        .and_then(|before| item::read(before).ok())
        .map(|stored| stored.record);
    let change = Change::since(record_before.as_ref(), &record);
    Ok(change.map(|change| Announcement::Issuance {
        change: Box::new(change),
        credential: new_credential(before.as_ref(), &record),
    }))
}

/// The trace that an issuance began with, given an image of its item.
pub fn trace_of(image: &Value) -> Option<TraceHeader> {
    TraceHeader::parse(image.get(TRACE)?.get("S")?.as_str()?)
}

/// The credential that the wallet named with this change.
fn new_credential(before: Option<&Item>, record: &Record) -> Option<IssuedCredential> {
    let known = before.is_some_and(|before| before.contains_key("revocation_uuid"));
    let revocation_uuid = record.offer()?.revocation_uuid.filter(|_| !known)?;
    Some(IssuedCredential {
        revocation_uuid,
        correlation_id: record.correlation_id.clone(),
        template_id: record.template_id.clone(),
    })
}

/// An item as the API of DynamoDB writes it: each value under the name of its type.
fn read_image(image: &Value) -> Result<Item, MalformedItemError> {
    let members = image
        .as_object()
        .ok_or_else(|| MalformedItemError::new("(the image)", "is not an object"))?;
    let read = members.iter().map(|(name, value)| {
        let value = serde_dynamo::AttributeValue::deserialize(value)
            .map_err(|_| MalformedItemError::new(name, "is not a value of DynamoDB"))?;
        Ok((name.clone(), value.into()))
    });
    read.collect()
}

#[cfg(test)]
mod tests;
