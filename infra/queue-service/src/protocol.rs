//! SQS's operations: JSON in, JSON out.

mod messages;
mod queues;

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, address, limits::check_range, server::Endpoint};

/// Runs an operation, named as in `x-amz-target` after the dot, and gives its answer.
pub(crate) async fn answer(
    endpoint: &Endpoint,
    operation: &str,
    body: &[u8],
) -> Result<Value, Error> {
    let request = || {
        serde_json::from_slice(body)
            .map(Parameters)
            .map_err(|error| Error::Serialization(error.to_string()))
    };
    match operation {
        "GetQueueUrl" => queues::url(endpoint, request()?),
        "ListQueues" => queues::list(endpoint, request()?),
        "GetQueueAttributes" => queues::attributes(endpoint, request()?),
        "SetQueueAttributes" => queues::set_attributes(endpoint, request()?),
        "PurgeQueue" => queues::purge(endpoint, request()?),
        "StartMessageMoveTask" => queues::start_move_task(endpoint, request()?),
        "ListMessageMoveTasks" => queues::move_tasks(endpoint, request()?),
        "ReceiveMessage" => messages::receive(endpoint, request()?).await,
        "SendMessage" => messages::one(endpoint, request()?, messages::send),
        "SendMessageBatch" => messages::batch(endpoint, request()?, messages::send),
        "DeleteMessage" => messages::one(endpoint, request()?, messages::delete),
        "DeleteMessageBatch" => messages::batch(endpoint, request()?, messages::delete),
        "ChangeMessageVisibility" => {
            messages::one(endpoint, request()?, messages::change_visibility)
        }
        "ChangeMessageVisibilityBatch" => {
            messages::batch(endpoint, request()?, messages::change_visibility)
        }
        "AddPermission"
        | "CancelMessageMoveTask"
        | "CreateQueue"
        | "DeleteQueue"
        | "ListDeadLetterSourceQueues"
        | "ListQueueTags"
        | "RemovePermission"
        | "TagQueue"
        | "UntagQueue" => Err(Error::UnsupportedOperation(operation.to_owned())),
        _ => Err(Error::InvalidAction(operation.to_owned())),
    }
}

/// The parameters of a request, or of an entry of a batch, which its operation takes one by one.
struct Parameters(Map<String, Value>);

impl Parameters {
    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Error> {
        let value = self.0.remove(name).unwrap_or_default();
        serde_json::from_value(value)
            .map_err(|error| Error::Serialization(format!("{name}: {error}")))
    }

    fn required<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Error> {
        self.optional(name)?.ok_or(Error::MissingParameter(name))
    }

    fn in_range(&mut self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Error> {
        let value = self.optional(name)?;
        if let Some(value) = value {
            check_range(name, value, range)?;
        }
        Ok(value)
    }

    /// The name of the queue in `QueueUrl`.
    fn queue(&mut self) -> Result<String, Error> {
        let url: String = self.required("QueueUrl")?;
        address::name_in_url(&url).map(str::to_owned)
    }

    /// Refuses whatever was not taken: it would have no effect here.
    fn nothing_else(self) -> Result<(), Error> {
        match self.0.keys().next() {
            Some(name) => Err(Error::UnsupportedOperation(format!("The parameter {name}"))),
            None => Ok(()),
        }
    }
}

/// The answer of an operation that has nothing to say.
fn nothing() -> Value {
    Value::Object(Map::new())
}
