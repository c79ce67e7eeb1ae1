//! Operations on move tasks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Members, in_range, members};
use crate::{Error, server::Endpoint, store::MoveTask};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Start {
    source_arn: String,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

pub(super) fn start(endpoint: &Endpoint, request: Start) -> Result<Members, Error> {
    let task = endpoint.service.start_move_task(
        &request.source_arn,
        request.destination_arn.as_deref(),
        request.max_number_of_messages_per_second,
    )?;
    Ok(members([("TaskHandle", Some(task.handle.into()))]))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    source_arn: String,
    max_results: Option<i64>,
}

pub(super) fn list(endpoint: &Endpoint, request: List) -> Result<Members, Error> {
    let limit = in_range("MaxResults", request.max_results, 1..=10, 1)?;
    let tasks = endpoint.service.move_tasks(&request.source_arn, limit)?;
    let results: Vec<Members> = tasks.into_iter().map(show).collect();
    Ok(members([("Results", Some(json!(results)))]))
}

fn show(task: MoveTask) -> Members {
    let failed = task.moved < task.to_move;
    members([
        (
            "Status",
            Some(if failed { "FAILED" } else { "COMPLETED" }.into()),
        ),
        (
            "FailureReason",
            failed.then(|| "CouldNotDetermineMessageSource".into()),
        ),
        ("SourceArn", Some(task.source_arn.into())),
        ("DestinationArn", task.destination_arn.map(Value::from)),
        (
            "MaxNumberOfMessagesPerSecond",
            task.per_second.map(Value::from),
        ),
        (
            "ApproximateNumberOfMessagesToMove",
            Some(task.to_move.into()),
        ),
        ("ApproximateNumberOfMessagesMoved", Some(task.moved.into())),
        ("StartedTimestamp", Some(task.started_at_ms.into())),
    ])
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Cancel {
    task_handle: String,
}

/// No task can be cancelled: each is over when its start has been answered.
pub(super) fn cancel(_endpoint: &Endpoint, request: Cancel) -> Result<Members, Error> {
    Err(Error::ResourceNotFound(format!(
        "No task {} is running.",
        request.task_handle
    )))
}
