//! SQS's operations: JSON in, JSON out.

mod messages;
mod queues;

use std::{ops::RangeInclusive, time::Duration};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, address, limits::in_range, server::Endpoint};

/// Runs an operation, named as in `x-amz-target` after the dot, and gives its answer.
pub(crate) async fn answer(
    endpoint: &Endpoint,
    operation: &str,
    body: &[u8],
) -> Result<Value, Error> {
    let request = || {
        serde_json::from_slice(body)
            .map(Parameters)
            .map_err(|error| Error::MalformedInput(error.to_string()))
    };
    match operation {
        "GetQueueUrl" => queues::url(endpoint, request()?),
        "GetQueueAttributes" => queues::attributes(endpoint, request()?),
        "PurgeQueue" => queues::purge(endpoint, request()?),
        "StartMessageMoveTask" => queues::start_move_task(endpoint, request()?),
        "ListMessageMoveTasks" => queues::move_tasks(endpoint, request()?),
        "ReceiveMessage" => messages::receive(endpoint, request()?).await,
        "SendMessage" => messages::send(endpoint, request()?),
        "SendMessageBatch" => messages::send_batch(endpoint, request()?),
        "DeleteMessage" => messages::delete(endpoint, request()?),
        "ChangeMessageVisibility" => messages::change_visibility(endpoint, request()?),
        "AddPermission"
        | "CancelMessageMoveTask"
        | "ChangeMessageVisibilityBatch"
        | "CreateQueue"
        | "DeleteMessageBatch"
        | "DeleteQueue"
        | "ListDeadLetterSourceQueues"
        | "ListQueueTags"
        | "ListQueues"
        | "RemovePermission"
        | "SetQueueAttributes"
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
            .map_err(|error| Error::MalformedInput(format!("{name}: {error}")))
    }

    fn required<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, Error> {
        self.optional(name)?.ok_or(Error::MissingParameter(name))
    }

    fn in_range(&mut self, name: &str, range: RangeInclusive<i64>) -> Result<Option<i64>, Error> {
        let value = self.optional(name)?;
        value.map(|value| in_range(name, value, range)).transpose()
    }

    fn duration(
        &mut self,
        name: &str,
        seconds: RangeInclusive<i64>,
    ) -> Result<Option<Duration>, Error> {
        let seconds = self.in_range(name, seconds)?;
        Ok(seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs())))
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
