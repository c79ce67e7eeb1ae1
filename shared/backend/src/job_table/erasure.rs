//! Lines that nobody has started in time: see [`bestow_aws::erasure`].

use bestow_aws::erasure::DuePages;
use bestow_aws::item::number;
use bestow_aws::{CallError, Write, Written};
use bestow_jobs::ChunkId;

use super::{JobTable, item};

/// The name of the index of the chunks that still have lines.
pub const LINES_TO_ERASE: &str = "lines-to-erase";

impl JobTable {
    /// The chunks of one shard (`0..ERASE_SHARDS`) that still have lines whose time is over at `now_seconds`, the oldest
    /// first.
    #[must_use]
    pub fn lines_due(&self, shard: u8, now_seconds: i64) -> DuePages<ChunkId> {
        self.0
            .due(LINES_TO_ERASE, shard, now_seconds, item::chunk_id)
    }

    /// Erases the lines of a chunk, with their claims, if their time is over at `now_seconds`. How many there were;
    /// `None` if they were gone, or are not due.
    pub async fn erase_lines(
        &self,
        id: ChunkId,
        now_seconds: i64,
    ) -> Result<Option<u32>, CallError> {
        let change = "REMOVE #lines, is_open, erase_shard, erase_at_seconds";
        let erase = Write::update(item::chunk_key(id), change)
            .only_if("attribute_exists(#lines) AND erase_at_seconds <= :now")
            .value(":now", number(now_seconds))
            .returning_item();
        let Written::Done(left) = self.0.write(erase).await? else {
            return Ok(None);
        };
        // They are gone, whatever else the item says.
        Ok(Some(item::progress(left).map_or(1, |chunk| {
            let done = chunk.started.saturating_add(chunk.failed);
            chunk.line_count.saturating_sub(done)
        })))
    }
}
