//! SQS's operations: JSON in, JSON out.

mod batches;
mod messages;
mod moves;
mod queues;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Error, address, server::Endpoint};

/// An answer's members.
pub(crate) type Members = Map<String, Value>;

/// Runs an operation, named as in `x-amz-target` after the dot.
pub(crate) async fn answer(
    endpoint: &Endpoint,
    operation: &str,
    body: &[u8],
) -> Result<Value, Error> {
    let members = match operation {
        "CreateQueue" => queues::create(endpoint, read(body)?),
        "GetQueueUrl" => queues::url(endpoint, read(body)?),
        "ListQueues" => queues::list(endpoint, read(body)?),
        "ListDeadLetterSourceQueues" => queues::list_dead_letter_sources(endpoint, read(body)?),
        "GetQueueAttributes" => queues::attributes(endpoint, read(body)?),
        "SetQueueAttributes" => queues::set_attributes(endpoint, read(body)?),
        "PurgeQueue" => queues::purge(endpoint, read(body)?),
        "DeleteQueue" => queues::delete(endpoint, read(body)?),
        "TagQueue" => queues::tag(endpoint, read(body)?),
        "UntagQueue" => queues::untag(endpoint, read(body)?),
        "ListQueueTags" => queues::tags(endpoint, read(body)?),
        "SendMessage" => messages::send(endpoint, read(body)?),
        "ReceiveMessage" => messages::receive(endpoint, read(body)?).await,
        "DeleteMessage" => messages::delete(endpoint, read(body)?),
        "ChangeMessageVisibility" => messages::change_visibility(endpoint, read(body)?),
        "SendMessageBatch" => batches::send(endpoint, read(body)?),
        "DeleteMessageBatch" => batches::delete(endpoint, read(body)?),
        "ChangeMessageVisibilityBatch" => batches::change_visibility(endpoint, read(body)?),
        "StartMessageMoveTask" => moves::start(endpoint, read(body)?),
        "ListMessageMoveTasks" => moves::list(endpoint, read(body)?),
        "CancelMessageMoveTask" => moves::cancel(endpoint, read(body)?),
        "AddPermission" | "RemovePermission" => {
            Err(Error::UnsupportedOperation(operation.to_owned()))
        }
        _ => Err(Error::InvalidAction(operation.to_owned())),
    };
    members.map(Value::Object)
}

/// A request about one queue.
#[derive(Debug, Deserialize)]
pub(crate) struct OnQueue<T> {
    #[serde(rename = "QueueUrl", default)]
    queue_url: String,
    #[serde(flatten)]
    request: T,
}

impl<T> OnQueue<T> {
    fn queue(&self) -> Result<&str, Error> {
        if self.queue_url.is_empty() {
            return Err(Error::MissingParameter("QueueUrl"));
        }
        address::name_in_url(&self.queue_url)
    }
}

/// A request that says no more than which queue.
#[derive(Debug, Deserialize)]
pub(crate) struct Nothing {}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Serialization(error.to_string()))
}

/// The members that have a value.
fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Members {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// `value`, if it is in the range that SQS gives for the parameter; `default` if it is absent.
fn in_range(
    parameter: &str,
    value: Option<i64>,
    range: std::ops::RangeInclusive<i64>,
    default: i64,
) -> Result<i64, Error> {
    let value = value.unwrap_or(default);
    if range.contains(&value) {
        return Ok(value);
    }
    Err(Error::InvalidParameterValue(format!(
        "Value {value} for parameter {parameter} is invalid. Reason: Must be between {} and {}, if \
         provided.",
        range.start(),
        range.end()
    )))
}
