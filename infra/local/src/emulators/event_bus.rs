//! An embedded event bus with EventBridge's `PutEvents`, and the events that came to it, for whoever looks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::events::{Event, Events};

/// How many events are kept: the oldest give way.
const KEPT: usize = 10_000;

/// The most entries of one `PutEvents`.
const MAX_ENTRIES: usize = 10;
/// The largest request, in bytes: what EventBridge takes, with room for JSON escapes.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
const TARGET: &str = "AWSEvents.PutEvents";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// An event that came to a bus.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PublishedEvent {
    /// Its place among all that came since the start, from 1.
    pub number: u64,
    /// The bus.
    pub bus: String,
    /// The entry's `DetailType`: for a CloudEvent its type.
    pub detail_type: String,
    /// The entry's `Detail`: the CloudEvent.
    pub event: Value,
}

/// Which events are wanted; what is absent does not restrict them.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct EventQuery {
    /// The CloudEvent's `subject`.
    pub correlation_id: Option<String>,
    /// The CloudEvent's `type`.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// Only events with a larger [`PublishedEvent::number`].
    pub after: Option<u64>,
}

/// All event buses. Clones share them.
#[derive(Clone)]
pub(crate) struct EventBuses {
    names: Arc<[String]>,
    kept: Arc<Mutex<VecDeque<PublishedEvent>>>,
    events: Events,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    event_bus_name: String,
    source: String,
    detail_type: String,
    detail: String,
}

impl EventBuses {
    /// Buses with these names.
    pub(crate) fn new(names: &[String], events: Events) -> Self {
        Self {
            names: names.into(),
            kept: Arc::default(),
            events,
        }
    }

    /// The endpoint that an AWS SDK speaks to.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/", post(answer))
            .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(self.clone())
    }

    /// What came so far, newest last.
    pub(crate) fn published(&self, query: &EventQuery) -> Vec<PublishedEvent> {
        let kept = self.kept();
        let wanted = kept.iter().filter(|one| query.takes(one));
        wanted.cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<PublishedEvent>> {
        // Nothing panics while it holds the lock half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an entry, or says by code and message why not.
    fn put(&self, entry: Entry) -> Result<(), (&'static str, String)> {
        for (name, value) in [
            ("Source", &entry.source),
            ("DetailType", &entry.detail_type),
            ("Detail", &entry.detail),
            ("EventBusName", &entry.event_bus_name),
        ] {
            if value.is_empty() {
                return Err(("InvalidArgument", format!("{name} is required")));
            }
        }
        let event = serde_json::from_str(&entry.detail).ok();
        let event: Value = event
            .filter(Value::is_object)
            .ok_or_else(|| ("MalformedDetail", "Detail is malformed".to_owned()))?;
        // It may be an ARN.
        let bus = entry.event_bus_name.rsplit('/').next();
        let bus = bus.unwrap_or_default().to_owned();
        if !self.names.contains(&bus) {
            let message = format!(
                "there is no event bus {bus}; template.yaml has {:?}",
                self.names
            );
            return Err(("ResourceNotFoundException", message));
        }
        let text = |name: &str| {
            let text = event.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        self.events.send(Event::Published {
            event_type: entry.detail_type.clone(),
            subject: text("subject"),
            sequence: text("sequence"),
        });
        self.keep(bus, entry.detail_type, event);
        Ok(())
    }

    fn keep(&self, bus: String, detail_type: String, event: Value) {
        let mut kept = self.kept();
        let number = kept.back().map_or(1, |last| last.number + 1);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(PublishedEvent {
            number,
            bus,
            detail_type,
            event,
        });
    }
}

impl EventQuery {
    fn takes(&self, one: &PublishedEvent) -> bool {
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                one.event
                    .get(name)
                    .is_some_and(|has| has == wanted.as_str())
            })
        };
        is("subject", &self.correlation_id)
            && is("type", &self.event_type)
            && self.after.is_none_or(|after| one.number > after)
    }
}

async fn answer(State(buses): State<EventBuses>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    if target != Some(TARGET) {
        return refusal(
            "UnknownOperationException",
            "the local event bus has PutEvents alone",
        );
    }
    let Ok(request) = serde_json::from_slice::<PutEvents>(&body) else {
        return refusal("SerializationException", "the request is no PutEvents");
    };
    if !(1..=MAX_ENTRIES).contains(&request.entries.len()) {
        return refusal("ValidationException", "Entries must have 1 to 10 members");
    }
    let results: Vec<Value> = request
        .entries
        .into_iter()
        .map(|entry| match buses.put(entry) {
            Ok(()) => json!({"EventId": Uuid::new_v4()}),
            Err((code, message)) => json!({"ErrorCode": code, "ErrorMessage": message}),
        })
        .collect();
    let failed = results.iter().filter(|one| one.get("ErrorCode").is_some());
    let answer = json!({"FailedEntryCount": failed.count(), "Entries": results});
    respond(StatusCode::OK, &answer)
}

fn refusal(kind: &str, message: &str) -> Response {
    let refusal = json!({"__type": kind, "message": message});
    respond(StatusCode::BAD_REQUEST, &refusal)
}

fn respond(status: StatusCode, body: &Value) -> Response {
    let content_type = [(header::CONTENT_TYPE, CONTENT_TYPE)];
    (status, content_type, body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    fn buses() -> EventBuses {
        EventBuses::new(&["bus".to_owned()], Events::new())
    }

    fn entry(subject: &str) -> Value {
        let detail = json!({"type": "t", "subject": subject, "sequence": "1"}).to_string();
        json!({"EventBusName": "bus", "Source": "s", "DetailType": "t", "Detail": detail})
    }

    async fn put(buses: &EventBuses, entries: Value) -> (u16, Value) {
        let request = Request::post("/")
            .header("x-amz-target", TARGET)
            .body(Body::from(json!({"Entries": entries}).to_string()))
            .unwrap();
        let response = buses.router().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn entries_are_kept_in_their_order_and_found_again() {
        let buses = buses();
        let (status, answer) = put(&buses, json!([entry("a"), entry("b"), entry("a")])).await;
        assert_eq!((status, &answer["FailedEntryCount"]), (200, &json!(0)));
        let numbers = |query: EventQuery| -> Vec<u64> {
            let found = buses.published(&query);
            found.into_iter().map(|one| one.number).collect()
        };
        assert_eq!(numbers(EventQuery::default()), [1, 2, 3]);
        let of_a = EventQuery {
            correlation_id: Some("a".to_owned()),
            ..EventQuery::default()
        };
        assert_eq!(numbers(of_a.clone()), [1, 3]);
        assert_eq!(
            numbers(EventQuery {
                after: Some(1),
                ..of_a
            }),
            [3]
        );
        let other = EventQuery {
            event_type: Some("other".to_owned()),
            ..EventQuery::default()
        };
        assert!(numbers(other).is_empty());
    }

    #[tokio::test]
    async fn an_entry_at_fault_fails_alone() {
        let buses = buses();
        let (mut malformed, mut nowhere) = (entry("b"), entry("c"));
        malformed["Detail"] = json!("no JSON");
        nowhere["EventBusName"] = json!("elsewhere");
        let (_, answer) = put(&buses, json!([entry("a"), malformed, nowhere])).await;
        assert_eq!(answer["FailedEntryCount"], 2);
        assert!(answer["Entries"][0]["EventId"].is_string(), "{answer}");
        assert_eq!(answer["Entries"][1]["ErrorCode"], "MalformedDetail");
        assert_eq!(
            answer["Entries"][2]["ErrorCode"],
            "ResourceNotFoundException"
        );
        assert_eq!(buses.published(&EventQuery::default()).len(), 1);
    }

    #[tokio::test]
    async fn a_call_has_one_to_ten_entries() {
        let buses = buses();
        let eleven: Vec<Value> = (0..11).map(|_| entry("a")).collect();
        for entries in [json!([]), json!(eleven)] {
            let (status, answer) = put(&buses, entries).await;
            assert_eq!(
                (status, &answer["__type"]),
                (400, &json!("ValidationException"))
            );
        }
    }

    #[test]
    fn the_oldest_give_way() {
        let buses = buses();
        for _ in 0..=KEPT {
            buses.keep("bus".to_owned(), "t".to_owned(), json!({}));
        }
        let kept = buses.published(&EventQuery::default());
        assert_eq!((kept.len(), kept[0].number), (KEPT, 2));
    }
}
