//! The event bus on EventBridge.

use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bestow_aws::sdk::Sdk;
use bestow_aws::{CallError, EventBridge};
use bestow_contract::CloudEvent;
use bestow_issuance::ports::EventBusError;

/// What rules match as `source`. The CloudEvent's own source is in its `detail`.
const SOURCE: &str = "com.bestow";

/// What EventBridge says of an entry that it will never take
/// (<https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html>). What is left out, such
/// as `AccessDeniedException`, an operator can correct.
const REFUSALS: [&str; 3] = ["InvalidArgument", "MalformedDetail", "ValidationException"];

/// What became of an entry.
type Put = Result<(), EventBusError>;

/// A bus of EventBridge.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: EventBridge,
    name: String,
}

impl EventBus {
    /// The bus with this name or ARN.
    pub fn new(sdk: &Sdk, name: &str) -> Self {
        Self {
            client: sdk.eventbridge(),
            name: name.to_owned(),
        }
    }

    fn entry(&self, event: &CloudEvent) -> Result<PutEventsRequestEntry, serde_json::Error> {
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(event.event_type.as_str())
            .detail(serde_json::to_string(event)?)
            .set_time(DateTime::from_str(&event.time, Format::DateTime).ok())
            .build())
    }

    /// Puts entries in one call; `None`, where the call was refused as a whole.
    async fn call(&self, entries: Vec<PutEventsRequestEntry>) -> Option<Vec<Put>> {
        let count = entries.len();
        let put = self.client.put_events().set_entries(Some(entries));
        match self.client.send(&put).await {
            Ok(answer) => {
                let mut results = answer.entries.unwrap_or_default().into_iter();
                Some((0..count).map(|_| outcome(results.next())).collect())
            }
            Err(fault) => {
                let code = fault.as_service_error().and_then(|fault| fault.code());
                if code.is_some_and(|code| REFUSALS.contains(&code)) {
                    return None;
                }
                let reason = CallError::from_sdk(fault).to_string();
                Some((0..count).map(|_| failed(&reason)).collect())
            }
        }
    }
}

impl bestow_issuance::ports::EventBus for EventBus {
    async fn put(&self, events: &[CloudEvent]) -> Vec<Put> {
        let entries: Result<Vec<_>, _> = events.iter().map(|event| self.entry(event)).collect();
        let Ok(entries) = entries else {
            return events.iter().map(|_| refused("not JSON")).collect();
        };
        if let Some(outcomes) = self.call(entries.clone()).await {
            return outcomes;
        }
        if entries.len() == 1 {
            return vec![refused("ValidationException")];
        }
        // One of them is at fault. The others are put one by one, so that none overtakes another.
        let mut outcomes = Vec::with_capacity(entries.len());
        for entry in entries {
            let outcome = match self.call(vec![entry]).await {
                Some(mut outcome) => outcome.pop().unwrap_or_else(|| failed("no answer")),
                None => refused("ValidationException"),
            };
            outcomes.push(outcome);
        }
        outcomes
    }
}

fn outcome(result: Option<PutEventsResultEntry>) -> Put {
    match result.map(|result| (result.event_id, result.error_code)) {
        Some((Some(_), _)) => Ok(()),
        Some((None, Some(code))) if REFUSALS.contains(&code.as_str()) => refused(&code),
        Some((None, Some(code))) => failed(&code),
        Some((None, None)) | None => failed("the answer does not say what became of it"),
    }
}

fn refused(reason: &str) -> Put {
    Err(EventBusError::Refused(reason.to_owned()))
}

fn failed(reason: &str) -> Put {
    let cause = CallError::unexpected(reason);
    Err(EventBusError::Failed(cause.into()))
}
