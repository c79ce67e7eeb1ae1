//! Get status: what is recorded, and a nudge to look again.

use bestow_clock::Clock;
use bestow_contract::{CorrelationId, IssueStatus};

use crate::ports::{PollMessage, PollQueue, Records, RecordsError};
use crate::record::Record;

/// How long an answer of the wallet counts as fresh, in milliseconds. A query that finds it older, the poll
/// that it brings forward and the next query fit into two seconds.
pub const FRESH_MS: i64 = 1_000;

/// The same for a wallet whose changes come by themselves, within a second: a query has it asked only in case one was
/// lost.
pub const FRESH_BY_ITSELF_MS: i64 = 10_000;

/// The use case, and what it works with.
pub struct GetStatus<R, Q, S> {
    /// The table.
    pub records: R,
    /// The queue on which a poll is brought forward.
    pub queue: Q,
    /// The clock.
    pub system: S,
}

impl<R: Records, Q: PollQueue, S: Clock> GetStatus<R, Q, S> {
    /// The status of the issuance, or `None` if none was accepted under this name.
    ///
    /// If the issuance is still pending and what is recorded is older than [`FRESH_MS`], the next poll is
    /// brought forward to now, but not before a wallet that failed is to be asked again. That never fails
    /// the query.
    pub async fn get_status(
        &self,
        id: &CorrelationId,
    ) -> Result<Option<IssueStatus>, RecordsError> {
        let Some(record) = self.records.get(id).await? else {
            return Ok(None);
        };
        if self.may_be_outdated(&record) {
            self.hasten(&record).await;
        }
        Ok(record.view())
    }

    fn may_be_outdated(&self, record: &Record) -> bool {
        let now_ms = self.system.now().as_millisecond();
        !record.is_ended()
            && record.lease_until_ms(now_ms).is_none()
            && now_ms > record.quiet_until_ms
    }

    /// The message that is sent has the number that is awaited, so it makes the one that is on its way
    /// stale.
    async fn hasten(&self, record: &Record) {
        let message = PollMessage::scheduled(record.correlation_id.clone(), record.attempt);
        if let Err(fault) = self.queue.send(&message, 0).await {
            tracing::warn!(
                correlation_id = %record.correlation_id,
                %fault,
                "the next poll of an issuance could not be brought forward; it comes by the schedule"
            );
        }
    }
}
