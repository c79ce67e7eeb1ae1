//! Lines that nobody has started in time: see [`aws::erasure`].

use aws::CallError;
use aws::erasure::DuePages;
use aws::item::number;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use jobs::ChunkId;

use super::{JobTable, item};

/// The name of the index of the chunks that still have lines.
pub const LINES_TO_ERASE: &str = "lines-to-erase";

impl JobTable {
    /// The chunks of one shard (`0..ERASE_SHARDS`) that still have lines whose time is over at `now_seconds`,
    /// the oldest first.
    #[must_use]
    pub fn lines_due(&self, shard: u8, now_seconds: i64) -> DuePages<ChunkId> {
        let index = (self.name.as_str(), LINES_TO_ERASE);
        DuePages::of(&self.client, index, shard, now_seconds, item::chunk_id)
    }

    /// Takes the lines of a chunk away, with their claims, if their time is over at `now_seconds`. How many
    /// there were; none if they were gone, or are not due.
    ///
    /// # Errors
    /// The table gave no answer.
    pub async fn erase_lines(
        &self,
        id: ChunkId,
        now_seconds: i64,
    ) -> Result<Option<u32>, CallError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(item::chunk_key(id)))
            .condition_expression("attribute_exists(#lines) AND erase_at_seconds <= :now")
            .update_expression(item::REMOVE_LINES)
            .expression_attribute_names("#lines", "lines")
            .expression_attribute_values(":now", number(now_seconds))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match sent {
            Ok(answer) => {
                let left = answer.attributes.unwrap_or_default();
                // They are gone, whatever else the item says.
                let lost = item::progress(&left).map_or(1, |chunk| {
                    let done = chunk.started.saturating_add(chunk.failed);
                    chunk.line_count.saturating_sub(done)
                });
                Ok(Some(lost))
            }
            Err(fault) => match fault.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(CallError::from_sdk(fault)),
            },
        }
    }
}
