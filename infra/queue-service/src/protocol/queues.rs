//! Operations on queues.

use serde_json::{Value, json};

use super::{Parameters, nothing};
use crate::{Error, address, server::Endpoint};

pub(super) fn url(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let name: String = request.required("QueueName")?;
    request.nothing_else()?;
    let queue = endpoint.service.queue(&name)?;
    Ok(json!({"QueueUrl": endpoint.queue_url(&queue.name)}))
}

pub(super) fn attributes(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let queue = endpoint.service.queue(&request.queue()?)?;
    let wanted: Vec<String> = request.optional("AttributeNames")?.unwrap_or_default();
    request.nothing_else()?;
    let counts = endpoint.service.counts(&queue.name)?;
    let mut attributes = queue.attributes.to_map();
    attributes.insert("QueueArn".to_owned(), address::queue_arn(&queue.name));
    for (kind, count) in [
        ("", counts.visible),
        ("Delayed", counts.delayed),
        ("NotVisible", counts.not_visible),
    ] {
        let name = format!("ApproximateNumberOfMessages{kind}");
        attributes.insert(name, count.to_string());
    }
    if !wanted.iter().any(|name| name == "All") {
        attributes.retain(|name, _| wanted.contains(name));
    }
    Ok(json!({"Attributes": attributes}))
}

pub(super) fn purge(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let queue = request.queue()?;
    request.nothing_else()?;
    endpoint.service.purge(&queue)?;
    Ok(nothing())
}

pub(super) fn start_move_task(
    endpoint: &Endpoint,
    mut request: Parameters,
) -> Result<Value, Error> {
    let source_arn: String = request.required("SourceArn")?;
    request.nothing_else()?;
    let handle = endpoint.service.start_move_task(&source_arn)?;
    Ok(json!({"TaskHandle": handle}))
}

pub(super) fn move_tasks(endpoint: &Endpoint, mut request: Parameters) -> Result<Value, Error> {
    let source_arn: String = request.required("SourceArn")?;
    let limit = request.in_range("MaxResults", 1..=10)?.unwrap_or(1);
    request.nothing_else()?;
    let tasks = endpoint.service.move_tasks(&source_arn, limit)?;
    Ok(json!({"Results": tasks}))
}
