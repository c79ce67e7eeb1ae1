//! The tables that have claims.

use bestow_aws::CallError;
use bestow_aws::erasure::DuePages;
use bestow_backend::JobTable;
use bestow_bundled_wallet::WalletTable;
use bestow_issuer::{OfferId, Transition, Written};
use bestow_jobs::ChunkId;
use jiff::Timestamp;

/// A table with an index of the claims that are to be erased.
pub(crate) trait ClaimsTable: Sync {
    /// Whose claims they are.
    type Id: Send;

    /// What is due in one shard.
    fn due(&self, shard: u8, now: Timestamp) -> DuePages<Self::Id>;

    /// Erases what is still due, and says of how many the claims were; none if somebody else was faster.
    fn erase(
        &self,
        id: Self::Id,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<u32>, CallError>> + Send;
}

impl ClaimsTable for WalletTable {
    type Id = OfferId;

    fn due(&self, shard: u8, now: Timestamp) -> DuePages<OfferId> {
        self.claims_due(shard, now)
    }

    async fn erase(&self, offer_id: OfferId, now: Timestamp) -> Result<Option<u32>, CallError> {
        Ok(
            match self
                .write(&Transition::purge_expired_claims(offer_id, now))
                .await?
            {
                Written::Applied(_) => Some(1),
                // Also a write of ours whose answer was lost, and that the SDK sent again.
                Written::Refused(_) => None,
            },
        )
    }
}

impl ClaimsTable for JobTable {
    type Id = ChunkId;

    fn due(&self, shard: u8, now: Timestamp) -> DuePages<ChunkId> {
        self.lines_due(shard, now.as_second())
    }

    async fn erase(&self, id: ChunkId, now: Timestamp) -> Result<Option<u32>, CallError> {
        let erased = self.erase_lines(id, now.as_second()).await?;
        if let Some(erased) = erased {
            let ChunkId { job_id, first_line } = id;
            tracing::error!(%job_id, first_line, erased, "lines of a job were not started within a day, and their claims are gone");
        }
        Ok(erased)
    }
}
