//! Operations on up to ten messages, each of which succeeds or fails by itself.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use super::{
    Members, OnQueue, members,
    messages::{ChangeVisibility, Delete, Send, send_one},
};
use crate::{Error, queue_attributes::MAXIMUM_MESSAGE_SIZE, server::Endpoint};

const MAXIMUM_ENTRIES: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<T> {
    #[serde(default = "Vec::new")]
    entries: Vec<Entry<T>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Entry<T> {
    /// Names the entry in the answer.
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    request: T,
}

pub(super) fn send(endpoint: &Endpoint, request: OnQueue<Batch<Send>>) -> Result<Members, Error> {
    let queue = existing(endpoint, &request)?;
    let entries: Vec<_> = check(request.request)?
        .into_iter()
        .map(|entry| (entry.id, entry.request.check()))
        .collect();
    let size = entries
        .iter()
        .filter_map(|(_, checked)| checked.as_ref().ok())
        .map(|checked| checked.message.size())
        .sum();
    if size > usize::try_from(MAXIMUM_MESSAGE_SIZE).unwrap_or(usize::MAX) {
        return Err(Error::BatchRequestTooLong(size));
    }
    Ok(outcomes(entries.into_iter().map(|(id, checked)| {
        (
            id,
            checked.and_then(|checked| send_one(&endpoint.service, &queue, &checked)),
        )
    })))
}

pub(super) fn delete(
    endpoint: &Endpoint,
    request: OnQueue<Batch<Delete>>,
) -> Result<Members, Error> {
    let queue = existing(endpoint, &request)?;
    Ok(outcomes(check(request.request)?.into_iter().map(
        |Entry { id, request }| {
            let deleted = endpoint.service.delete(&queue, &request.receipt_handle);
            (id, deleted.map(|()| Members::new()))
        },
    )))
}

pub(super) fn change_visibility(
    endpoint: &Endpoint,
    request: OnQueue<Batch<ChangeVisibility>>,
) -> Result<Members, Error> {
    let queue = existing(endpoint, &request)?;
    Ok(outcomes(check(request.request)?.into_iter().map(
        |Entry { id, request }| {
            let changed = request.seconds().and_then(|seconds| {
                endpoint
                    .service
                    .change_visibility(&queue, &request.receipt_handle, seconds)
            });
            (id, changed.map(|()| Members::new()))
        },
    )))
}

/// The queue's name. That it does not exist is said once, not for each entry.
fn existing<T>(endpoint: &Endpoint, request: &OnQueue<T>) -> Result<String, Error> {
    Ok(endpoint.service.queue(request.queue()?)?.name)
}

/// 1 to 10 entries with legal ids, each of them once.
fn check<T>(batch: Batch<T>) -> Result<Vec<Entry<T>>, Error> {
    let entries = batch.entries;
    match entries.len() {
        0 => return Err(Error::EmptyBatchRequest),
        1..=MAXIMUM_ENTRIES => {}
        more => return Err(Error::TooManyEntriesInBatchRequest(more)),
    }
    let mut seen = BTreeSet::new();
    for Entry { id, .. } in &entries {
        let legal = (1..=80).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !legal {
            return Err(Error::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(Error::BatchEntryIdsNotDistinct(id.clone()));
        }
    }
    Ok(entries)
}

fn outcomes(entries: impl Iterator<Item = (String, Result<Members, Error>)>) -> Members {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, outcome) in entries {
        match outcome {
            Ok(mut members) => {
                members.insert("Id".to_owned(), id.into());
                successful.push(members);
            }
            Err(error) => {
                error.log();
                failed.push(members([
                    ("Id", Some(id.into())),
                    ("Code", Some(error.wire().query_code.into())),
                    ("Message", Some(error.to_string().into())),
                    ("SenderFault", Some(error.is_senders_fault().into())),
                ]));
            }
        }
    }
    members([
        ("Successful", Some(json!(successful))),
        ("Failed", Some(json!(failed))),
    ])
}
