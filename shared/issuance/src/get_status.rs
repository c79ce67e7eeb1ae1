//! Get status: what is recorded. If that may be outdated, the wallet is polled now.

use std::time::Duration;

use bestow_clock::Clock;
use bestow_contract::{CorrelationId, IssueStatus};

use crate::ports::{PollMessage, PollQueue, Records, RecordsError};
use crate::record::Record;

/// How long an answer of the wallet counts as fresh. A query that finds it older, the poll that it enqueues and the
/// next query fit into two seconds.
pub const FRESH: Duration = Duration::from_secs(1);

/// The same for a wallet whose changes come by themselves, within a second: a query has it polled only in case one was
/// lost.
pub const FRESH_BY_ITSELF: Duration = Duration::from_secs(10);

/// The use case, and what it works with.
pub struct GetStatus<R, Q, S> {
    /// The table.
    pub records: R,
    /// The poll queue.
    pub queue: Q,
    /// The clock.
    pub system: S,
}

impl<R: Records, Q: PollQueue, S: Clock> GetStatus<R, Q, S> {
    /// The status of the issuance, or `None` if none was accepted under this name.
    ///
    /// If the issuance is pending and [`Record::not_before`] has passed, a poll message for now is enqueued. Failing to
    /// do so does not fail the query.
    pub async fn get_status(
        &self,
        id: &CorrelationId,
    ) -> Result<Option<IssueStatus>, RecordsError> {
        let Some(record) = self.records.get(id).await? else {
            return Ok(None);
        };
        let now = self.system.now();
        let is_starting = record.lease_until(now).is_some();
        if !record.is_ended() && !is_starting && now > record.not_before {
            self.poll_now(&record).await;
        }
        Ok(record.view())
    }

    /// The message has the attempt that is awaited, and so makes the delayed one stale.
    async fn poll_now(&self, record: &Record) {
        let message = PollMessage::scheduled(record.correlation_id.clone(), record.attempt);
        if let Err(fault) = self.queue.send(&message.into(), Duration::ZERO).await {
            tracing::warn!(
                correlation_id = %record.correlation_id,
                %fault,
                "an issuance could not be polled now; it is polled as scheduled"
            );
        }
    }
}
