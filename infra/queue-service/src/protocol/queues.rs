//! Operations on queues.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{Members, Nothing, OnQueue, in_range, members};
use crate::{Error, address, server::Endpoint, store::Queue};

type Texts = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Create {
    queue_name: String,
    #[serde(default)]
    attributes: Texts,
    #[serde(default, rename = "tags")]
    tags: Texts,
}

pub(super) fn create(endpoint: &Endpoint, request: Create) -> Result<Members, Error> {
    let Create {
        queue_name,
        attributes,
        tags,
    } = request;
    endpoint
        .service
        .create_tagged_queue(&queue_name, &attributes, &tags)?;
    Ok(members([(
        "QueueUrl",
        Some(endpoint.queue_url(&queue_name).into()),
    )]))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Named {
    queue_name: String,
}

pub(super) fn url(endpoint: &Endpoint, request: Named) -> Result<Members, Error> {
    let queue = endpoint.service.queue(&request.queue_name)?;
    Ok(members([(
        "QueueUrl",
        Some(endpoint.queue_url(&queue.name).into()),
    )]))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    #[serde(default)]
    queue_name_prefix: String,
    max_results: Option<i64>,
    /// The last name of the page before.
    next_token: Option<String>,
}

pub(super) fn list(endpoint: &Endpoint, request: Page) -> Result<Members, Error> {
    let queues = endpoint.service.queues(&request.queue_name_prefix)?;
    page(endpoint, "QueueUrls", queues, &request)
}

pub(super) fn list_dead_letter_sources(
    endpoint: &Endpoint,
    request: OnQueue<Page>,
) -> Result<Members, Error> {
    let target = endpoint.service.queue(request.queue()?)?;
    let mut queues = endpoint.service.queues("")?;
    queues.retain(|queue| {
        let policy = queue.attributes.redrive_policy.as_ref();
        policy.is_some_and(|policy| policy.dead_letter_name() == target.name)
    });
    page(endpoint, "queueUrls", queues, &request.request)
}

fn page(
    endpoint: &Endpoint,
    member: &str,
    queues: Vec<Queue>,
    request: &Page,
) -> Result<Members, Error> {
    let size = in_range("MaxResults", request.max_results, 1..=1000, 1000)?;
    let mut rest = queues
        .into_iter()
        .map(|queue| queue.name)
        .skip_while(|name| request.next_token.as_ref().is_some_and(|last| name <= last))
        .peekable();
    let names: Vec<String> = rest
        .by_ref()
        .take(usize::try_from(size).unwrap_or(1))
        .collect();
    let next = rest
        .peek()
        .and(names.last())
        .map(|last| last.as_str().into());
    let urls: Vec<String> = names.iter().map(|name| endpoint.queue_url(name)).collect();
    Ok(members([(member, Some(json!(urls))), ("NextToken", next)]))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttributeNames {
    #[serde(default)]
    attribute_names: Vec<String>,
}

pub(super) fn attributes(
    endpoint: &Endpoint,
    request: OnQueue<AttributeNames>,
) -> Result<Members, Error> {
    let queue = endpoint.service.queue(request.queue()?)?;
    let counts = endpoint.service.counts(&queue.name)?;
    let mut all = queue.attributes.to_map();
    all.extend(
        [
            ("ApproximateNumberOfMessages", counts.visible.to_string()),
            (
                "ApproximateNumberOfMessagesDelayed",
                counts.delayed.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesNotVisible",
                counts.not_visible.to_string(),
            ),
            ("CreatedTimestamp", queue.created_at_s.to_string()),
            ("LastModifiedTimestamp", queue.modified_at_s.to_string()),
            ("QueueArn", address::queue_arn(&queue.name)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let wanted = &request.request.attribute_names;
    if !wanted.iter().any(|name| name == "All") {
        all.retain(|name, _| wanted.contains(name));
    }
    Ok(members([(
        "Attributes",
        (!all.is_empty()).then(|| json!(all)),
    )]))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attributes {
    attributes: Texts,
}

pub(super) fn set_attributes(
    endpoint: &Endpoint,
    request: OnQueue<Attributes>,
) -> Result<Members, Error> {
    let queue = request.queue()?.to_owned();
    endpoint
        .service
        .set_attributes(&queue, request.request.attributes)?;
    Ok(Members::new())
}

pub(super) fn purge(endpoint: &Endpoint, request: OnQueue<Nothing>) -> Result<Members, Error> {
    endpoint.service.purge(request.queue()?)?;
    Ok(Members::new())
}

pub(super) fn delete(endpoint: &Endpoint, request: OnQueue<Nothing>) -> Result<Members, Error> {
    endpoint.service.delete_queue(request.queue()?)?;
    Ok(Members::new())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tags {
    tags: Texts,
}

pub(super) fn tag(endpoint: &Endpoint, request: OnQueue<Tags>) -> Result<Members, Error> {
    let queue = request.queue()?.to_owned();
    endpoint
        .service
        .change_tags(&queue, |tags| tags.extend(request.request.tags))?;
    Ok(Members::new())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagKeys {
    tag_keys: Vec<String>,
}

pub(super) fn untag(endpoint: &Endpoint, request: OnQueue<TagKeys>) -> Result<Members, Error> {
    let keys = &request.request.tag_keys;
    endpoint.service.change_tags(request.queue()?, |tags| {
        tags.retain(|key, _| !keys.contains(key))
    })?;
    Ok(Members::new())
}

pub(super) fn tags(endpoint: &Endpoint, request: OnQueue<Nothing>) -> Result<Members, Error> {
    let queue = endpoint.service.queue(request.queue()?)?;
    Ok(members([("Tags", Some(json!(queue.tags)))]))
}
