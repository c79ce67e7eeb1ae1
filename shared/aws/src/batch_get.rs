//! Reading many items at once.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::CallError;
use crate::item::Item;
use crate::pause::Pause;

/// The most keys of one BatchGetItem.
const BATCH_KEYS: usize = 100;
/// How often the rest of a batch is asked for again that DynamoDB left out, and how long to wait before
/// the first time.
const BATCH_REPEATS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What came of reading many items.
#[derive(Debug, Default)]
pub struct BatchRead {
    /// Those that there are.
    pub items: Vec<Item>,
    /// The keys that DynamoDB left out again and again.
    pub left_out: Vec<Item>,
}

/// Reads the items of a table that have these keys, however many, as they are now. No key may be there twice.
pub async fn batch_get(
    client: &Client,
    table: &str,
    keys: &[Item],
) -> Result<BatchRead, CallError> {
    let mut read = BatchRead::default();
    for batch in keys.chunks(BATCH_KEYS) {
        let left_out = read_batch(client, table, batch.to_vec(), &mut read.items).await?;
        read.left_out.extend(left_out);
    }
    Ok(read)
}

/// Adds the items of a batch to `items`, and answers which keys were left out.
async fn read_batch(
    client: &Client,
    table: &str,
    mut keys: Vec<Item>,
    items: &mut Vec<Item>,
) -> Result<Vec<Item>, CallError> {
    let mut pause = Pause::of(FIRST_PAUSE);
    for repeat in 0..=BATCH_REPEATS {
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(|_| CallError::unexpected("a batch without keys"))?;
        let answer = client
            .batch_get_item()
            .request_items(table, request)
            .send()
            .await
            .map_err(CallError::from_sdk)?;
        let found = answer.responses.unwrap_or_default().remove(table);
        items.extend(found.unwrap_or_default());
        keys = answer
            .unprocessed_keys
            .and_then(|mut tables| tables.remove(table))
            .map(|rest| rest.keys)
            .unwrap_or_default();
        if keys.is_empty() {
            break;
        }
        if repeat < BATCH_REPEATS {
            pause.wait().await;
        }
    }
    Ok(keys)
}
