//! The tables that have claims.

use bestow_aws::CallError;
use bestow_aws::erasure::DuePages;
use bestow_backend::JobTable;
use bestow_bundled_wallet::WalletTable;
use bestow_issuer::{OfferId, PurgeExpiredClaims, Written};
use bestow_jobs::ChunkId;

/// A table with an index of the claims that are to be erased.
pub(crate) trait ClaimsTable: Sync {
    /// Whose claims they are.
    type Id: Send;

    /// What is due at `now_seconds` in one shard.
    fn due(&self, shard: u8, now_seconds: i64) -> DuePages<Self::Id>;

    /// Erases what is still due at `now_seconds`, and says of how many the claims were; none if somebody else was
    /// faster.
    fn erase(
        &self,
        id: Self::Id,
        now_seconds: i64,
    ) -> impl Future<Output = Result<Option<u32>, CallError>> + Send;
}

impl ClaimsTable for WalletTable {
    type Id = OfferId;

    fn due(&self, shard: u8, now_seconds: i64) -> DuePages<OfferId> {
        self.claims_due(shard, now_seconds)
    }

    async fn erase(&self, offer_id: OfferId, now_seconds: i64) -> Result<Option<u32>, CallError> {
        let step = PurgeExpiredClaims {
            offer_id,
            now_seconds,
        };
        Ok(match self.write(&step).await? {
            Written::Applied(_) => Some(1),
            // Also a write of ours whose answer was lost, and that the SDK sent again.
            Written::Refused(_) => None,
        })
    }
}

impl ClaimsTable for JobTable {
    type Id = ChunkId;

    fn due(&self, shard: u8, now_seconds: i64) -> DuePages<ChunkId> {
        self.lines_due(shard, now_seconds)
    }

    async fn erase(&self, id: ChunkId, now_seconds: i64) -> Result<Option<u32>, CallError> {
        let erased = self.erase_lines(id, now_seconds).await?;
        if let Some(erased) = erased {
            let ChunkId { job_id, first_line } = id;
            tracing::error!(%job_id, first_line, erased, "lines of a job were not started within a day, and their claims are gone");
        }
        Ok(erased)
    }
}
