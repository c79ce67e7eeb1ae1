//! The stream of the bundled wallet's table. Its records name offers that have changed, and the wallet is asked what has
//! become of all of a batch at once.

use std::collections::HashSet;
use std::time::Duration;

use aws_lambda_events::sqs::SqsBatchResponse;
use bestow_bundled_wallet::{BundledReports, ChangedOffer};
use bestow_clock::Clock;
use bestow_contract::CorrelationId;
use bestow_issuance::ports::{PollMessage, PollQueue, Records, RecordsError, Stored};
use bestow_runtime::metrics::{self, Counter};
use bestow_runtime::stream::{StreamEvent, StreamRecord, again_from};
use bestow_wallets::PollStatus;
use futures::StreamExt;
use jiff::Timestamp;

use crate::{CONCURRENCY, log};

/// Records what the wallet says of the offers that are named. One that cannot be dealt with now is put on the poll
/// queue, so that it does not hold up the others; the stream itself waits only while the table or the queue fails.
pub(crate) async fn handle(
    use_case: &PollStatus,
    wallet: &BundledReports,
    event: &StreamEvent,
) -> SqsBatchResponse {
    let Some(first) = event.records.first() else {
        return SqsBatchResponse::default();
    };
    let asked_at = use_case.system.now();
    let changed = match wallet.changed(keys(&event.records)).await {
        Ok(changed) => changed,
        Err(fault) => {
            tracing::error!(%fault, messages = event.records.len(), "offers that have changed could not be read");
            return again_from(first);
        }
    };
    // Two offers can be of one name, an earlier issuance's and this one's; a batch takes each key once.
    let ids: HashSet<CorrelationId> = changed
        .iter()
        .map(|offer| offer.status.correlation_id.clone())
        .collect();
    let ids: Vec<CorrelationId> = ids.into_iter().collect();
    let mut found = match use_case.records.get_many(&ids).await {
        Ok(found) => found,
        Err(fault) => {
            tracing::error!(%fault, messages = event.records.len(), "the records of offers that have changed could not be read");
            return again_from(first);
        }
    };
    let each = changed.into_iter().map(|offer| {
        let id = &offer.status.correlation_id;
        let is_anothers = matches!(found.get(id), Some(Ok(stored)) if !offer.is_of(&stored.record));
        let stored = if is_anothers { None } else { found.remove(id) };
        record(use_case, offer, stored, asked_at)
    });
    let is_lost = futures::stream::iter(each)
        .buffer_unordered(CONCURRENCY)
        .any(async |went_on| !went_on)
        .await;
    if is_lost {
        again_from(first)
    } else {
        SqsBatchResponse::default()
    }
}

/// The keys of the offers, each once.
fn keys(records: &[StreamRecord]) -> Vec<String> {
    let key =
        |record: &StreamRecord| Some(record.change.keys.pointer("/pk/S")?.as_str()?.to_owned());
    let mut keys: Vec<String> = records.iter().filter_map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Whether the issuance is dealt with, or goes on by the queue.
async fn record(
    use_case: &PollStatus,
    offer: ChangedOffer,
    stored: Option<Result<Stored, RecordsError>>,
    asked_at: Timestamp,
) -> bool {
    let message = PollMessage::poll_now(offer.status.correlation_id.clone());
    let correlation_id = &message.correlation_id;
    let recorded = match stored.transpose() {
        Ok(stored) => {
            metrics::count(Counter::Polls, 1);
            use_case.record_report(offer.status, stored, asked_at).await
        }
        Err(fault) => Err(fault.into()),
    };
    let fault = match recorded {
        Ok(polled) => {
            log(&message, &polled);
            return true;
        }
        Err(fault) => fault,
    };
    tracing::warn!(%correlation_id, %fault, "what became of an offer could not be recorded and is asked for again");
    let queued = message.clone().into();
    let sent = use_case.queue.send(&queued, Duration::ZERO).await;
    if let Err(fault) = &sent {
        tracing::error!(%correlation_id, %fault, "an issuance could not be put on the poll queue");
    }
    sent.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_that_changed_twice_is_looked_at_once() {
        let event = serde_json::json!({"Records": [
            {"dynamodb": {"SequenceNumber": "1", "Keys": {"pk": {"S": "offer#a"}, "sk": {"S": "offer"}}}},
            {"dynamodb": {"SequenceNumber": "2", "Keys": {"pk": {"S": "offer#b"}, "sk": {"S": "offer"}}}},
            {"dynamodb": {"SequenceNumber": "3", "Keys": {"pk": {"S": "offer#a"}, "sk": {"S": "offer"}}}},
            {"dynamodb": {"SequenceNumber": "4", "Keys": {}}},
        ]});
        let event: StreamEvent = serde_json::from_value(event).unwrap();
        assert_eq!(keys(&event.records), ["offer#a", "offer#b"]);
    }
}
