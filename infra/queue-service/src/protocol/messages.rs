//! Operations on messages.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Parameters, nothing};
use crate::{
    Error, Message, NewMessage, Receive, address,
    limits::{
        BATCH_ENTRIES, DELAY_SECONDS, MAXIMUM_MESSAGE_SIZE, RECEIVED_MESSAGES, VISIBILITY_SECONDS,
        WAIT_SECONDS,
    },
    message::md5_of_text,
    server::Endpoint,
};

pub(super) fn send(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let queue = request.queue()?;
    send_one(endpoint, &queue, request)
}

/// Sends each entry of a batch, which succeeds or fails by itself. That the queue does not exist is
/// said once.
pub(super) fn send_batch(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let queue = endpoint.service.queue(&request.queue()?)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, entry) in entries(request)? {
        match send_one(endpoint, &queue.name, entry) {
            Ok(mut sent) => {
                if let Some(members) = sent.as_object_mut() {
                    members.insert("Id".to_owned(), id.into());
                }
                successful.push(sent);
            }
            Err(error) => {
                error.log();
                failed.push(json!({
                    "Id": id,
                    "Code": error.query_code(),
                    "Message": error.to_string(),
                    "SenderFault": error.is_senders_fault(),
                }));
            }
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

/// 1 to 10 entries by their ids, which are legal and distinct, with bodies of 1 MiB together.
fn entries(mut request: Parameters) -> Result<Vec<(String, Parameters)>, Error> {
    let entries: Option<Vec<Map<String, Value>>> = request.optional("Entries")?;
    let entries = entries.unwrap_or_default();
    request.nothing_else()?;
    match entries.len() {
        0 => return Err(Error::EmptyBatchRequest),
        1..=BATCH_ENTRIES => {}
        more => return Err(Error::TooManyEntriesInBatchRequest(more)),
    }
    let bodies = entries.iter().filter_map(|one| one.get("MessageBody"));
    let size = bodies.filter_map(Value::as_str).map(str::len).sum();
    if i64::try_from(size).is_ok_and(|size| size > MAXIMUM_MESSAGE_SIZE) {
        return Err(Error::BatchRequestTooLong(size));
    }
    let mut seen = BTreeSet::new();
    let named = entries.into_iter().map(|entry| {
        let mut entry = Parameters(entry);
        let id: String = entry.required("Id")?;
        if !address::is_name(&id) {
            return Err(Error::InvalidBatchEntryId);
        }
        if !seen.insert(id.clone()) {
            return Err(Error::BatchEntryIdsNotDistinct(id));
        }
        Ok((id, entry))
    });
    named.collect()
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemAttributes {
    #[serde(rename = "AWSTraceHeader")]
    trace_header: Option<SystemAttribute>,
}

#[derive(Deserialize)]
#[serde(tag = "DataType", rename_all_fields = "PascalCase")]
enum SystemAttribute {
    String { string_value: String },
}

fn send_one(endpoint: &Endpoint, queue: &str, mut message: Parameters) -> Result<Value, Error> {
    let SystemAttributes { trace_header } = message
        .optional("MessageSystemAttributes")?
        .unwrap_or_default();
    let new = NewMessage {
        body: message.required("MessageBody")?,
        delay: message.duration("DelaySeconds", DELAY_SECONDS)?,
        trace_header: trace_header.map(|SystemAttribute::String { string_value }| string_value),
    };
    message.nothing_else()?;
    let message_id = endpoint.service.send(queue, &new)?;
    Ok(json!({"MessageId": message_id, "MD5OfMessageBody": md5_of_text(&new.body)}))
}

pub(super) fn delete(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let queue = request.queue()?;
    let receipt_handle: String = request.required("ReceiptHandle")?;
    request.nothing_else()?;
    endpoint.service.delete(&queue, &receipt_handle)?;
    Ok(nothing())
}

pub(super) fn change_visibility(
    endpoint: &Endpoint,
    mut request: Parameters,
) -> Result<Value, Error> {
    let queue = request.queue()?;
    let receipt_handle: String = request.required("ReceiptHandle")?;
    let timeout = request
        .duration("VisibilityTimeout", VISIBILITY_SECONDS)?
        .ok_or(Error::MissingParameter("VisibilityTimeout"))?;
    request.nothing_else()?;
    let service = &endpoint.service;
    service.change_visibility(&queue, &receipt_handle, timeout)?;
    Ok(nothing())
}

pub(super) async fn receive(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let queue = request.queue()?;
    let max_messages = request.in_range("MaxNumberOfMessages", RECEIVED_MESSAGES)?;
    let how = Receive {
        max_messages: usize::try_from(max_messages.unwrap_or(1)).unwrap_or(1),
        wait: request.duration("WaitTimeSeconds", WAIT_SECONDS)?,
        visibility_timeout: request.duration("VisibilityTimeout", VISIBILITY_SECONDS)?,
    };
    let mut wanted: Vec<String> = Vec::new();
    // The second name is the deprecated one.
    for parameter in ["MessageSystemAttributeNames", "AttributeNames"] {
        wanted.extend(request.optional::<Vec<_>>(parameter)?.unwrap_or_default());
    }
    // Messages have no attributes of their sender's here, whoever asks for them.
    request.optional::<Vec<String>>("MessageAttributeNames")?;
    request.nothing_else()?;
    let messages = endpoint.service.receive(&queue, how).await?;
    if messages.is_empty() {
        return Ok(nothing());
    }
    let shown: Vec<_> = messages.iter().map(|one| show(one, &wanted)).collect();
    Ok(json!({"Messages": shown}))
}

fn show(message: &Message, wanted: &[String]) -> Value {
    let mut attributes = message.system_attributes();
    attributes.retain(|name, _| wanted.iter().any(|one| one == name || one == "All"));
    json!({
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt_handle,
        "Body": message.body,
        "MD5OfBody": message.md5_of_body(),
        "Attributes": attributes,
    })
}
