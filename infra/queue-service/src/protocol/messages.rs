//! Operations on messages, one by one and in batches.

use std::{collections::BTreeSet, time::Duration};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Parameters, nothing};
use crate::{
    Error, Message, NewMessage, Receive, address,
    limits::{BATCH_ENTRIES, MAXIMUM_MESSAGE_SIZE, RECEIVED_MESSAGES, WAIT_SECONDS},
    message::md5_of_text,
    server::Endpoint,
};

/// What is done with one message of the queue that is named: by itself, or as an entry of a batch.
type Operation = fn(&Endpoint, &str, Parameters) -> Result<Value, Error>;

/// Does it with a single message.
pub(super) fn one(
    endpoint: &Endpoint,
    mut request: Parameters,
    operation: Operation,
) -> Result<Value, Error> {
    let queue = request.queue()?;
    operation(endpoint, &queue, request)
}

/// Does it with each entry of a batch, which succeeds or fails by itself. That the queue does not
/// exist is said once.
pub(super) fn batch(
    endpoint: &Endpoint,
    mut request: Parameters,
    operation: Operation,
) -> Result<Value, Error> {
    let queue = endpoint.service.queue(&request.queue()?)?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, entry) in entries(request)? {
        match operation(endpoint, &queue.name, entry) {
            Ok(mut answer) => {
                if let Some(members) = answer.as_object_mut() {
                    members.insert("Id".to_owned(), id.into());
                }
                successful.push(answer);
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

pub(super) fn send(
    endpoint: &Endpoint,
    queue: &str,
    mut parameters: Parameters,
) -> Result<Value, Error> {
    let SystemAttributes { trace_header } = parameters
        .optional("MessageSystemAttributes")?
        .unwrap_or_default();
    let message = NewMessage {
        body: parameters.required("MessageBody")?,
        delay_seconds: parameters.optional("DelaySeconds")?,
        trace_header: trace_header.map(|SystemAttribute::String { string_value }| string_value),
    };
    parameters.nothing_else()?;
    let message_id = endpoint.service.send(queue, &message)?;
    Ok(json!({"MessageId": message_id, "MD5OfMessageBody": md5_of_text(&message.body)}))
}

pub(super) fn delete(
    endpoint: &Endpoint,
    queue: &str,
    mut parameters: Parameters,
) -> Result<Value, Error> {
    let receipt_handle: String = parameters.required("ReceiptHandle")?;
    parameters.nothing_else()?;
    endpoint.service.delete(queue, &receipt_handle)?;
    Ok(nothing())
}

pub(super) fn change_visibility(
    endpoint: &Endpoint,
    queue: &str,
    mut parameters: Parameters,
) -> Result<Value, Error> {
    let receipt_handle: String = parameters.required("ReceiptHandle")?;
    let seconds = parameters.required("VisibilityTimeout")?;
    parameters.nothing_else()?;
    endpoint
        .service
        .change_visibility(queue, &receipt_handle, seconds)?;
    Ok(nothing())
}

pub(super) async fn receive(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let queue = request.queue()?;
    let max_messages = request.in_range("MaxNumberOfMessages", RECEIVED_MESSAGES)?;
    let wait_seconds = request.in_range("WaitTimeSeconds", WAIT_SECONDS)?;
    let how = Receive {
        max_messages: usize::try_from(max_messages.unwrap_or(1)).unwrap_or(1),
        wait: wait_seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
        visibility_timeout_seconds: request.optional("VisibilityTimeout")?,
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
