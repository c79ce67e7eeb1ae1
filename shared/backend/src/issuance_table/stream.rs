//! The table's stream: what a record of it announces.

use std::collections::HashMap;

use aws::item::{Item, Malformed, malformed};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use issuance::ports::RecordsError;
use issuance::{Announcement, Change, IssuedCredential, Record};
use runtime::trace::TraceHeader;
use serde_json::{Map, Value};

use super::item::unreadable;
use super::{TRACE, credential, item};

/// What a change of an item announces, given the item's images as a stream record has them: JSON, each
/// value under the name of its type. An item without an image is not there.
///
/// `Err` names the attribute that cannot be understood; no other image can make it right.
pub fn announcement(
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<Option<Announcement>, RecordsError> {
    let Some(after) = after else {
        // What is removed was reserved and never started, or its time is over.
        return Ok(None);
    };
    let after = read_image(after).map_err(unreadable)?;
    let before = before.map(read_image).transpose().map_err(unreadable)?;
    if credential::is_key_of(&after) {
        let change = credential::change(before.as_ref(), &after).map_err(unreadable)?;
        return Ok(change.map(Announcement::Credential));
    }
    if !item::is_key_of(&after) {
        return Ok(None);
    }
    let record = item::read(&after).map_err(unreadable)?.record;
    // An old image that cannot be read costs a repeat.
    let record_before = before
        .as_ref()
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

fn read_image(image: &Value) -> Result<Item, Malformed> {
    let members = image
        .as_object()
        .ok_or_else(|| malformed("(the image)", "is not an object"))?;
    read_members(members)
}

fn read_members(members: &Map<String, Value>) -> Result<Item, Malformed> {
    members
        .iter()
        .map(|(name, value)| {
            let value =
                read_value(value).ok_or_else(|| malformed(name, "is not a value of DynamoDB"))?;
            Ok((name.clone(), value))
        })
        .collect()
}

/// A value under the name of its type, as the API of DynamoDB writes it.
fn read_value(value: &Value) -> Option<AttributeValue> {
    let mut members = value.as_object()?.iter();
    let (kind, value) = members.next()?;
    if members.next().is_some() {
        return None;
    }
    let texts = || -> Option<Vec<String>> {
        let each = value.as_array()?.iter();
        each.map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let bytes = |value: &Value| Some(STANDARD.decode(value.as_str()?).ok()?.into());
    Some(match kind.as_str() {
        "S" => AttributeValue::S(value.as_str()?.to_owned()),
        "N" => AttributeValue::N(value.as_str()?.to_owned()),
        "B" => AttributeValue::B(bytes(value)?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(value.as_bool()?),
        "M" => AttributeValue::M(HashMap::from_iter(read_members(value.as_object()?).ok()?)),
        "L" => {
            let each = value.as_array()?.iter().map(read_value);
            AttributeValue::L(each.collect::<Option<_>>()?)
        }
        "SS" => AttributeValue::Ss(texts()?),
        "NS" => AttributeValue::Ns(texts()?),
        "BS" => {
            let each = value.as_array()?.iter().map(bytes);
            AttributeValue::Bs(each.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
