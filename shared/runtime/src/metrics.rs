//! Metrics in CloudWatch's embedded metric format: members of lines of the log.
//!
//! A metric goes with the next line, or, in a batch, is added up and written when the invocation ends. Every series is
//! a variant here, so their number does not grow with the traffic or the customers.
//!
//! A change is counted by whoever records it, afterwards, so a repeated message does not count. A process that is
//! killed in between loses the count, never the change.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::Value;

/// The namespace of all metrics.
const NAMESPACE: &str = "Bestow";

/// The most values that one line may have for a metric (the format's own limit).
const MAX_VALUES: usize = 100;

macro_rules! series {
    ($(#[$doc:meta])* $kind:ident { $($(#[$variant_doc:meta])* $variant:ident => $name:literal, $unit:literal, $by:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind { $($(#[$variant_doc])* $variant,)* }

        impl $kind {
            fn series(self) -> Series {
                match self {
                    $(Self::$variant => Series { name: $name, unit: $unit, by: $by },)*
                }
            }
        }
    };
}

series! {
    /// Something that is counted.
    Counter {
        /// An issuance has its offer: it is followed until it ends.
        IssuancesStarted => "IssuancesStarted", "Count", By::Service;
        /// An issuance ended with a credential.
        IssuancesCompleted => "IssuancesCompleted", "Count", By::Service;
        /// An issuance ended without one, for another reason than its time.
        IssuancesFailed => "IssuancesFailed", "Count", By::Service;
        /// An issuance's offer was not taken in time.
        IssuancesExpired => "IssuancesExpired", "Count", By::Service;
        /// A poll was dealt with that was not dropped: the wallet was asked, or Start issue was still under way.
        Polls => "Polls", "Count", By::Service;
        /// A wallet called back, and the next poll was brought forward.
        WalletCallbacks => "WalletCallbacks", "Count", By::Service;
        /// A change was put on the event bus.
        EventsPublished => "EventsPublished", "Count", By::Service;
        /// A webhook was sent, and taken.
        DeliveriesDelivered => "DeliveryAttempts", "Count", By::Outcome("delivered");
        /// A webhook was sent, and its receiver did not take it; it is sent again.
        DeliveriesToRetry => "DeliveryAttempts", "Count", By::Outcome("retry");
        /// A webhook was sent, and is not sent again: its receiver is gone, or its time is over.
        DeliveriesGivenUp => "DeliveryAttempts", "Count", By::Outcome("given_up");
        /// A line of a batch was started.
        BatchLinesDone => "BatchLines", "Count", By::Outcome("done");
        /// A line of a batch could not be started.
        BatchLinesFailed => "BatchLines", "Count", By::Outcome("failed");
        /// The claims of an offer, or the lines of an upload that were not started in time, were erased.
        ClaimsErased => "ClaimsErased", "Count", By::Service;
        /// A process served its first invocation.
        ColdStarts => "ColdStarts", "Count", By::Function;
    }
}

series! {
    /// Something that is measured.
    Measure {
        /// From the request to revoke, suspend or reinstate until the list says so.
        RevocationToPublication => "RevocationToPublication", "Milliseconds", By::Service;
        /// From when claims were to be erased until they were.
        ErasureLateness => "ErasureLateness", "Seconds", By::Service;
    }
}

/// A metric with its unit and dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    name: &'static str,
    unit: &'static str,
    by: By,
}

/// The dimensions of a series. Their values are fixed by the code or the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    /// The deployment.
    Service,
    /// The deployment and the function.
    Function,
    /// The deployment and the outcome.
    Outcome(&'static str),
}

impl By {
    fn dimensions(self) -> &'static [&'static str] {
        match self {
            Self::Service => &["service"],
            Self::Function => &["service", "function_name"],
            Self::Outcome(_) => &["service", "outcome"],
        }
    }

    fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Service | Self::Function => None,
        }
    }
}

/// What was counted and measured since the last line that has metrics.
struct Pending {
    goes_with_lines: bool,
    values: BTreeMap<Series, Value>,
}

static PENDING: Mutex<Pending> = Mutex::new(Pending {
    goes_with_lines: false,
    values: BTreeMap::new(),
});

fn pending() -> MutexGuard<'static, Pending> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pending {
    /// The values of one outcome and those without one: a line has at most one outcome.
    fn take(&mut self) -> Option<Document> {
        let outcome = self.values.keys().find_map(|series| series.by.outcome());
        let is_taken = |series: &Series| series.by.outcome().is_none_or(|by| Some(by) == outcome);
        let values = self.values.extract_if(.., |series, _| is_taken(series));
        let values: Vec<_> = values.collect();
        (!values.is_empty()).then_some(Document { outcome, values })
    }
}

/// Adds `number` to a counter.
pub fn count(counter: Counter, number: u64) {
    let mut pending = pending();
    let total = pending.values.entry(counter.series()).or_default();
    *total = total.as_u64().unwrap_or(0).saturating_add(number).into();
}

/// Notes a measured value, in the unit of its series.
pub fn measure(measure: Measure, value: f64) {
    match pending().values.entry(measure.series()).or_default() {
        Value::Array(values) if values.len() < MAX_VALUES => values.push(value.into()),
        Value::Array(values) => {
            // The alarm is on the largest.
            if let Some(last) = values.last_mut() {
                *last = last.as_f64().map_or(value, |known| known.max(value)).into();
            }
        }
        first => *first = vec![value].into(),
    }
}

/// Up to so many lines with metrics are shorter than an additional line with their sum.
pub const MOST_LINES: usize = 2;

/// Sets whether metrics go with the next line of the log, or are added up until the invocation ends.
pub fn go_with_lines(goes_with_lines: bool) {
    pending().goes_with_lines = goes_with_lines;
}

/// The metrics that go with a line of the log.
pub(crate) fn for_a_line() -> Option<Document> {
    let mut pending = pending();
    pending.goes_with_lines.then(|| pending.take()).flatten()
}

/// Metrics that are not written yet when an invocation ends. Called until there are none.
pub(crate) fn rest() -> Option<Document> {
    pending().take()
}

/// The metrics of a line.
pub(crate) struct Document {
    outcome: Option<&'static str>,
    values: Vec<(Series, Value)>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [&'static [&'static str]; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

impl Document {
    /// Adds the metrics to a line, which has their dimensions as members.
    pub(crate) fn add_to<M: SerializeMap>(
        &self,
        line: &mut M,
        now: Timestamp,
    ) -> Result<(), M::Error> {
        let mut directives: Vec<Directive> = Vec::new();
        for (Series { name, unit, by }, _) in &self.values {
            let (dimensions, metric) = ([by.dimensions()], Definition { name, unit });
            let mut known = directives.iter_mut();
            match known.find(|known| known.dimensions == dimensions) {
                Some(directive) => directive.metrics.push(metric),
                None => directives.push(Directive {
                    namespace: NAMESPACE,
                    dimensions,
                    metrics: vec![metric],
                }),
            }
        }
        let metadata = Metadata {
            timestamp: now.as_millisecond(),
            cloud_watch_metrics: directives,
        };
        line.serialize_entry("_aws", &metadata)?;
        if let Some(outcome) = self.outcome {
            line.serialize_entry("outcome", outcome)?;
        }
        for (series, value) in &self.values {
            line.serialize_entry(series.name, value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(document: Document) -> Value {
        let mut line = Vec::new();
        let mut serializer = serde_json::Serializer::new(&mut line);
        let mut map = serde::Serializer::serialize_map(&mut serializer, None).unwrap();
        document
            .add_to(&mut map, Timestamp::from_millisecond(5).unwrap())
            .unwrap();
        SerializeMap::end(map).unwrap();
        serde_json::from_slice(&line).unwrap()
    }

    // One test, because the counts are the process's.
    #[test]
    fn what_was_counted_is_written_once_in_a_document_for_each_outcome() {
        assert!(rest().is_none());
        count(Counter::Polls, 2);
        count(Counter::DeliveriesDelivered, 4);
        count(Counter::Polls, 1);
        count(Counter::DeliveriesToRetry, 5);
        count(Counter::ColdStarts, 1);
        for value in 0..150 {
            measure(Measure::RevocationToPublication, f64::from(value));
        }
        assert!(for_a_line().is_none(), "it is added up");
        go_with_lines(true);
        let values: Vec<f64> = (0..99).chain([149]).map(f64::from).collect();
        let directive = |dimensions: Value, metrics: Value| json!({"Namespace": "Bestow", "Dimensions": [dimensions], "Metrics": metrics});
        let attempts = directive(
            json!(["service", "outcome"]),
            json!([{"Name": "DeliveryAttempts", "Unit": "Count"}]),
        );
        assert_eq!(
            read(for_a_line().unwrap()),
            json!({
                "_aws": {"Timestamp": 5, "CloudWatchMetrics": [
                    directive(json!(["service", "function_name"]), json!([
                        {"Name": "ColdStarts", "Unit": "Count"},
                    ])),
                    attempts,
                    directive(json!(["service"]), json!([
                        {"Name": "Polls", "Unit": "Count"},
                        {"Name": "RevocationToPublication", "Unit": "Milliseconds"},
                    ])),
                ]},
                "outcome": "delivered",
                "Polls": 3,
                "DeliveryAttempts": 4,
                "ColdStarts": 1,
                "RevocationToPublication": values,
            })
        );
        count(Counter::DeliveriesToRetry, 1);
        assert_eq!(
            read(rest().unwrap()),
            json!({
                "_aws": {"Timestamp": 5, "CloudWatchMetrics": [attempts]},
                "outcome": "retry",
                "DeliveryAttempts": 6,
            })
        );
        assert!(rest().is_none() && for_a_line().is_none());
    }
}
