//! What a call is called: in words that are the same in each run, so that a cell can be found again.

use axum::http::HeaderMap;
use bestow_local::processes::UnderWay;
use serde_json::Value;

/// A call that a function makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call {
    /// The function, by its binary's name.
    pub function: String,
    /// What invoked it: a route, a queue, a stream, a schedule.
    pub trigger: String,
    /// Operation and resource, or method and path.
    pub what: String,
    /// Which one it is of several such calls in one invocation, from 1. Attempts of the SDK are one call.
    pub nth: usize,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            function,
            trigger,
            what,
            nth,
        } = self;
        write!(f, "{function} ({trigger}): {what}")?;
        match nth {
            1 => Ok(()),
            nth => write!(f, " #{nth}"),
        }
    }
}

impl Call {
    pub fn is_aws(&self) -> bool {
        self.what
            .starts_with(|first: char| first.is_ascii_uppercase())
            && !self.what.contains(" /")
    }

    pub fn is_send(&self) -> bool {
        self.what.starts_with("SendMessage ")
    }

    /// Get issue status of a wallet.
    pub fn is_report(&self) -> bool {
        self.what.starts_with("GET ") && self.what.contains("/issue/{")
    }
}

/// What invoked the function that works on `invocation`.
pub fn trigger(invocation: Option<&UnderWay>) -> String {
    let Some(invocation) = invocation else {
        return "start of the process".to_owned();
    };
    let event: Value = serde_json::from_slice(&invocation.payload).unwrap_or_default();
    let record = &event["Records"][0];
    let source = record["eventSourceARN"].as_str().unwrap_or_default();
    if let Some(route) = event["routeKey"].as_str() {
        route.to_owned()
    } else if let Some((_, table)) = source.split_once(":table/") {
        format!("stream of {}", table.split('/').next().unwrap_or_default())
    } else if let Some(queue) = source.rsplit(':').next().filter(|name| !name.is_empty()) {
        queue.to_owned()
    } else {
        event["detail-type"]
            .as_str()
            .unwrap_or("an event")
            .to_owned()
    }
}

/// Operation and resource of a call to AWS; none if it is none.
pub fn aws_call(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    let operation = target.rsplit('.').next()?;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut resources: Vec<String> = Vec::new();
    if let Some(table) = body["TableName"].as_str() {
        resources.push(table.to_owned());
    }
    if let Some(url) = body["QueueUrl"].as_str() {
        resources.push(url.rsplit('/').next().unwrap_or_default().to_owned());
    }
    if let Some(bus) = body["Entries"][0]["EventBusName"].as_str() {
        resources.push(bus.to_owned());
    }
    if let Some(tables) = body["RequestItems"].as_object() {
        resources.extend(tables.keys().cloned());
    }
    for part in body["TransactItems"].as_array().into_iter().flatten() {
        for kind in part.as_object().into_iter().flatten() {
            resources.extend(kind.1["TableName"].as_str().map(str::to_owned));
        }
    }
    resources.dedup();
    Some(
        [operation, &resources.join("+")]
            .join(" ")
            .trim_end()
            .to_owned(),
    )
}

/// Method and path of another call, without what differs between runs.
pub fn http_call(method: &str, path: &str) -> String {
    let is_fixed = |segment: &str| {
        let mut letters = segment.chars();
        segment == "v2"
            || letters.all(|letter| letter.is_ascii_lowercase() || letter == '-' || letter == '.')
    };
    let path: Vec<&str> = path
        .split('/')
        .map(|segment| if is_fixed(segment) { segment } else { "{…}" })
        .collect();
    format!("{method} {}", path.join("/"))
}
