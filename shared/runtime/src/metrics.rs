//! What is counted and measured, in CloudWatch's embedded metric format: lines of the log that CloudWatch
//! makes metrics of.
//!
//! What happens during an invocation is added up, and written when the invocation ends (`emit`, called by
//! [`crate::lambda`]). Every series is a variant here, so there are as many as there are variants, whatever
//! happens and for however many customers.
//!
//! A change is counted by whoever recorded it, after it was recorded: a message that is delivered again finds
//! it done and does not count. A process that is killed in between loses the count, never the change.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use crate::telemetry::{Process, Timestamp, push_name, push_number, push_text};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Bestow";

/// The most values that one line may have for a metric (the format's own limit).
const MAX_VALUES: usize = 100;

macro_rules! series {
    ($(#[$doc:meta])* $kind:ident { $($(#[$variant_doc:meta])* $variant:ident => $name:literal, $unit:literal, $by:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind { $($(#[$variant_doc])* $variant,)* }

        impl $kind {
            const SERIES: &'static [Series] = &[$(Series { name: $name, unit: $unit, by: $by },)*];
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

/// A metric, and what tells it apart from others of its name.
struct Series {
    name: &'static str,
    unit: &'static str,
    by: By,
}

/// The dimensions of a series, each from a set that the code or the deployment fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The deployment.
    Service,
    /// The deployment and the function.
    Function,
    /// The deployment and what came of it.
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

struct Pending {
    counts: [u64; Counter::SERIES.len()],
    measured: [Vec<f64>; Measure::SERIES.len()],
}

static PENDING: Mutex<Pending> = Mutex::new(Pending {
    counts: [0; Counter::SERIES.len()],
    measured: [const { Vec::new() }; Measure::SERIES.len()],
});

/// Adds `number` to a counter.
pub fn count(counter: Counter, number: u64) {
    let mut pending = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(total) = pending.counts.get_mut(counter as usize) {
        *total = total.saturating_add(number);
    }
}

/// Notes a measured value, in the unit of its series.
pub fn measure(measure: Measure, value: f64) {
    let mut pending = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(values) = pending.measured.get_mut(measure as usize) {
        if values.len() < MAX_VALUES {
            values.push(value);
        } else if let Some(last) = values.last_mut() {
            // What is looked at is the worst.
            *last = last.max(value);
        }
    }
}

/// Writes what was counted and measured since the last time, if anything: one line, and one for each outcome.
pub(crate) fn emit(process: &Process, request_id: &str, write: impl Fn(&str)) {
    let mut values = Vec::new();
    {
        let mut pending = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
        for (total, series) in pending.counts.iter_mut().zip(Counter::SERIES) {
            if *total > 0 {
                values.push((series, std::mem::take(total).to_string()));
            }
        }
        for (measured, series) in pending.measured.iter_mut().zip(Measure::SERIES) {
            if !measured.is_empty() {
                values.push((series, array(&std::mem::take(measured))));
            }
        }
    }
    // Counting starts anew before anything is written, which takes longer.
    while let Some((first, _)) = values.first() {
        let outcome = first.by.outcome();
        let document: Vec<_> = values
            .extract_if(.., |(series, _)| series.by.outcome() == outcome)
            .collect();
        write(&line(process, request_id, outcome, &document));
    }
}

fn array(values: &[f64]) -> String {
    let mut text = "[".to_owned();
    for value in values {
        if text.len() > 1 {
            text.push(',');
        }
        push_number(&mut text, *value);
    }
    text.push(']');
    text
}

/// One document of the embedded metric format. It has `level` and `timestamp` too, or Lambda would add its own.
fn line(
    process: &Process,
    request_id: &str,
    outcome: Option<&str>,
    values: &[(&Series, String)],
) -> String {
    let now = Timestamp::now();
    let mut line = String::with_capacity(512);
    let _ = write!(
        line,
        r#"{{"_aws":{{"Timestamp":{},"CloudWatchMetrics":["#,
        now.0
    );
    let mut all_dimensions = Vec::new();
    for dimensions in values.iter().map(|(series, _)| series.by.dimensions()) {
        if !all_dimensions.contains(&dimensions) {
            all_dimensions.push(dimensions);
        }
    }
    for (position, dimensions) in all_dimensions.into_iter().enumerate() {
        let comma = if position > 0 { "," } else { "" };
        let _ = write!(
            line,
            r#"{comma}{{"Namespace":"{NAMESPACE}","Dimensions":[{dimensions:?}],"Metrics":["#
        );
        let of_these = values
            .iter()
            .filter(|(series, _)| series.by.dimensions() == dimensions);
        for (position, (Series { name, unit, .. }, _)) in of_these.enumerate() {
            let comma = if position > 0 { "," } else { "" };
            let _ = write!(line, r#"{comma}{{"Name":"{name}","Unit":"{unit}"}}"#);
        }
        line.push_str("]}");
    }
    line.push_str("]}");
    let mut text = |name: &str, value: &dyn std::fmt::Display| {
        push_name(&mut line, name);
        push_text(&mut line, value);
    };
    text("level", &"INFO");
    text("message", &"metrics");
    text("timestamp", &now);
    text("service", &process.service);
    text("function_name", &process.function_name);
    text("function_request_id", &request_id);
    if let Some(outcome) = outcome {
        text("outcome", &outcome);
    }
    for (series, value) in values {
        push_name(&mut line, series.name);
        line.push_str(value);
    }
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::cell::RefCell;

    fn emitted() -> Vec<Value> {
        let process = Process {
            service: "bestow-test".to_owned(),
            function_name: "poll-status".to_owned(),
            function_memory_size: None,
        };
        let lines = RefCell::new(Vec::new());
        emit(&process, "8c1f", |line| {
            lines.borrow_mut().push(line.to_owned())
        });
        let without_time = |line: String| {
            assert_eq!(line.find('\n'), Some(line.len() - 1), "{line:?}");
            let mut value: Value = serde_json::from_str(&line).unwrap();
            let object = value.as_object_mut().unwrap();
            object.remove("timestamp").unwrap();
            let aws = object["_aws"].as_object_mut().unwrap();
            assert!(aws.remove("Timestamp").unwrap().is_u64());
            value
        };
        lines.into_inner().into_iter().map(without_time).collect()
    }

    // One test, because the counts are the process's.
    #[test]
    fn what_was_counted_is_written_once_in_a_line_for_each_outcome() {
        assert_eq!(emitted(), [] as [Value; 0]);
        count(Counter::Polls, 2);
        count(Counter::Polls, 1);
        count(Counter::IssuancesCompleted, 1);
        count(Counter::DeliveriesDelivered, 4);
        count(Counter::DeliveriesToRetry, 5);
        count(Counter::ColdStarts, 1);
        for value in 0..150 {
            measure(Measure::RevocationToPublication, f64::from(value));
        }
        let values: Vec<u32> = (0..99).chain([149]).collect();
        let directive = |dimensions: Value, metrics: Value| json!({"Namespace": "Bestow", "Dimensions": [dimensions], "Metrics": metrics});
        let line = |more: Value| {
            let mut line = json!({
                "level": "INFO",
                "message": "metrics",
                "service": "bestow-test",
                "function_name": "poll-status",
                "function_request_id": "8c1f",
            });
            let members = line.as_object_mut().unwrap();
            members.extend(more.as_object().unwrap().clone());
            line
        };
        let attempts = |outcome: &str, number: u64| {
            line(json!({
                "_aws": {"CloudWatchMetrics": [directive(
                    json!(["service", "outcome"]),
                    json!([{"Name": "DeliveryAttempts", "Unit": "Count"}]),
                )]},
                "outcome": outcome,
                "DeliveryAttempts": number,
            }))
        };
        assert_eq!(
            emitted(),
            [
                line(json!({
                    "_aws": {"CloudWatchMetrics": [
                        directive(json!(["service"]), json!([
                            {"Name": "IssuancesCompleted", "Unit": "Count"},
                            {"Name": "Polls", "Unit": "Count"},
                            {"Name": "RevocationToPublication", "Unit": "Milliseconds"},
                        ])),
                        directive(json!(["service", "function_name"]), json!([
                            {"Name": "ColdStarts", "Unit": "Count"},
                        ])),
                    ]},
                    "IssuancesCompleted": 1,
                    "Polls": 3,
                    "ColdStarts": 1,
                    "RevocationToPublication": values,
                })),
                attempts("delivered", 4),
                attempts("retry", 5),
            ]
        );
        assert_eq!(emitted(), [] as [Value; 0]);
    }
}
