//! Operations on single messages.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Members, OnQueue, in_range, members};
use crate::{
    Error, Message, NewMessage, QueueService, Receive,
    message::md5_of_text,
    message_attributes::{self, Attributes, WireAttribute, md5_of_attributes},
    queue_attributes::MAXIMUM_WAIT_SECONDS,
    server::Endpoint,
};

const TRACE_HEADER: &str = "AWSTraceHeader";

/// What `SendMessage` and an entry of `SendMessageBatch` say alike.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Send {
    #[serde(default)]
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: BTreeMap<String, WireAttribute>,
    #[serde(default)]
    message_system_attributes: BTreeMap<String, WireAttribute>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

/// A message to send, with its system attributes as they were given, which the answer digests.
pub(super) struct Checked {
    pub(super) message: NewMessage,
    system_attributes: Attributes,
}

impl Send {
    pub(super) fn check(self) -> Result<Checked, Error> {
        if let Some(unknown) = self
            .message_system_attributes
            .keys()
            .find(|name| *name != TRACE_HEADER)
        {
            return Err(Error::InvalidParameterValue(format!(
                "Message system attribute name '{unknown}' is invalid."
            )));
        }
        let system_attributes = message_attributes::from_wire(self.message_system_attributes)?;
        let trace_header = match system_attributes
            .get(TRACE_HEADER)
            .map(|header| &header.value)
        {
            Some(crate::AttributeValue::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let message = NewMessage {
            body: self.message_body,
            delay_seconds: self.delay_seconds,
            attributes: message_attributes::from_wire(self.message_attributes)?,
            trace_header,
            group_id: self.message_group_id,
            deduplication_id: self.message_deduplication_id,
        };
        Ok(Checked {
            message,
            system_attributes,
        })
    }
}

pub(super) fn send(endpoint: &Endpoint, request: OnQueue<Send>) -> Result<Members, Error> {
    let queue = request.queue()?.to_owned();
    send_one(&endpoint.service, &queue, &request.request.check()?)
}

pub(super) fn send_one(
    service: &QueueService,
    queue: &str,
    checked: &Checked,
) -> Result<Members, Error> {
    let Checked {
        message,
        system_attributes,
    } = checked;
    let sent = service.send(queue, message)?;
    Ok(members([
        ("MessageId", Some(sent.message_id.into())),
        ("MD5OfMessageBody", Some(md5_of_text(&message.body).into())),
        (
            "MD5OfMessageAttributes",
            md5_of_attributes(&message.attributes).map(Value::from),
        ),
        (
            "MD5OfMessageSystemAttributes",
            md5_of_attributes(system_attributes).map(Value::from),
        ),
        ("SequenceNumber", sent.sequence_number.map(Value::from)),
    ]))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveRequest {
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    /// The deprecated name of the next one.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

pub(super) async fn receive(
    endpoint: &Endpoint,
    request: OnQueue<ReceiveRequest>,
) -> Result<Members, Error> {
    let queue = request.queue()?.to_owned();
    let request = request.request;
    let max_messages = in_range(
        "MaxNumberOfMessages",
        request.max_number_of_messages,
        1..=10,
        1,
    )?;
    let longest = i64::from(MAXIMUM_WAIT_SECONDS);
    let wait = in_range("WaitTimeSeconds", request.wait_time_seconds, 0..=longest, 0)?;
    let how = Receive {
        max_messages: usize::try_from(max_messages).unwrap_or(1),
        wait: request
            .wait_time_seconds
            .map(|_| Duration::from_secs(u64::try_from(wait).unwrap_or_default())),
        visibility_timeout_seconds: request.visibility_timeout,
    };
    let messages = endpoint.service.receive(&queue, how).await?;
    let messages: Vec<Members> = messages
        .iter()
        .map(|message| show(message, &request))
        .collect();
    Ok(members([(
        "Messages",
        (!messages.is_empty()).then(|| json!(messages)),
    )]))
}

fn show(message: &Message, request: &ReceiveRequest) -> Members {
    let wanted = |name: &str| {
        request
            .attribute_names
            .iter()
            .chain(&request.message_system_attribute_names)
            .any(|wanted| wanted == name || wanted == "All")
    };
    let mut system_attributes = message.system_attributes();
    system_attributes.retain(|name, _| wanted(name));
    let attributes =
        message_attributes::select(&message.attributes, &request.message_attribute_names);
    members([
        ("MessageId", Some(message.message_id.as_str().into())),
        (
            "ReceiptHandle",
            Some(message.receipt_handle.as_str().into()),
        ),
        ("Body", Some(message.body.as_str().into())),
        ("MD5OfBody", Some(message.md5_of_body().into())),
        (
            "Attributes",
            (!system_attributes.is_empty()).then(|| json!(system_attributes)),
        ),
        (
            "MD5OfMessageAttributes",
            md5_of_attributes(&attributes).map(Value::from),
        ),
        (
            "MessageAttributes",
            (!attributes.is_empty()).then(|| json!(message_attributes::to_wire(&attributes))),
        ),
    ])
}

/// What `DeleteMessage` and an entry of `DeleteMessageBatch` say alike.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delete {
    #[serde(default)]
    pub(super) receipt_handle: String,
}

pub(super) fn delete(endpoint: &Endpoint, request: OnQueue<Delete>) -> Result<Members, Error> {
    endpoint
        .service
        .delete(request.queue()?, &request.request.receipt_handle)?;
    Ok(Members::new())
}

/// What `ChangeMessageVisibility` and an entry of `ChangeMessageVisibilityBatch` say alike.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeVisibility {
    #[serde(default)]
    pub(super) receipt_handle: String,
    pub(super) visibility_timeout: Option<i64>,
}

impl ChangeVisibility {
    pub(super) fn seconds(&self) -> Result<i64, Error> {
        self.visibility_timeout
            .ok_or(Error::MissingParameter("VisibilityTimeout"))
    }
}

pub(super) fn change_visibility(
    endpoint: &Endpoint,
    request: OnQueue<ChangeVisibility>,
) -> Result<Members, Error> {
    let change = &request.request;
    endpoint.service.change_visibility(
        request.queue()?,
        &change.receipt_handle,
        change.seconds()?,
    )?;
    Ok(Members::new())
}
