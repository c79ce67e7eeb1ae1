//! Reading and writing many items at once.

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest,
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::CallError;
use crate::item::Item;
use crate::retry::{Batch, send_batch};
use crate::table::Table;

/// The most keys of one BatchGetItem, and how often it is repeated for those that DynamoDB left out.
const GET_KEYS: usize = 100;
const GET_REPEATS: usize = 4;

/// The most items and bytes of one BatchWriteItem, and how often it is repeated for what is left out: for about six
/// seconds. A partition takes about 1 MB a second.
const WRITE_ITEMS: usize = 25;
const WRITE_BYTES: usize = 250_000;
const WRITE_REPEATS: usize = 10;
/// How many batches are under way at a time.
const WRITES_AT_A_TIME: usize = 4;

impl Table {
    /// The items of any number of keys, as they are now. The keys must differ.
    pub async fn get_many(&self, keys: &[Item]) -> Result<Batch<Item, Item>, CallError> {
        let (mut found, mut left_out) = (Vec::new(), Vec::new());
        for keys in keys.chunks(GET_KEYS) {
            let batch = send_batch(keys.to_vec(), GET_REPEATS, |keys| self.get_batch(keys)).await?;
            found.extend(batch.found);
            left_out.extend(batch.left_out);
        }
        Ok(Batch { found, left_out })
    }

    async fn get_batch(&self, keys: Vec<Item>) -> Result<Batch<Item, Item>, CallError> {
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(unbuildable)?;
        let get = self.client.batch_get_item();
        let get = get.request_items(&self.name, request);
        let answer = self.client.send(&get).await.map_err(CallError::from_sdk)?;
        let of_table = |mut tables: std::collections::HashMap<_, _>| tables.remove(&self.name);
        let unprocessed = answer.unprocessed_keys.unwrap_or_default();
        Ok(Batch {
            found: answer.responses.and_then(of_table).unwrap_or_default(),
            left_out: unprocessed
                .into_values()
                .flat_map(|rest| rest.keys)
                .collect(),
        })
    }

    /// Puts any number of items, over what is there.
    pub async fn put_many(&self, items: Vec<Item>) -> Result<(), CallError> {
        self.write_many(items, |item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        })
        .await
    }

    /// Deletes the items of any number of keys.
    pub async fn delete_many(&self, keys: Vec<Item>) -> Result<(), CallError> {
        self.write_many(keys, |key| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        })
        .await
    }

    async fn write_many(
        &self,
        items: Vec<Item>,
        request: fn(Item) -> Result<WriteRequest, BuildError>,
    ) -> Result<(), CallError> {
        let batches: Vec<Vec<WriteRequest>> = batches(items)
            .into_iter()
            .map(|batch| batch.into_iter().map(request).collect())
            .collect::<Result<_, _>>()
            .map_err(unbuildable)?;
        let left_out: Vec<_> = stream::iter(batches)
            .map(|batch| send_batch(batch, WRITE_REPEATS, |batch| self.write_batch(batch)))
            .buffer_unordered(WRITES_AT_A_TIME)
            .try_collect()
            .await?;
        if left_out.iter().all(|batch| batch.left_out.is_empty()) {
            return Ok(());
        }
        Err(CallError::left_out())
    }

    async fn write_batch(
        &self,
        batch: Vec<WriteRequest>,
    ) -> Result<Batch<(), WriteRequest>, CallError> {
        let write = self.client.batch_write_item();
        let write = write.request_items(&self.name, batch.clone());
        let left_out = match self.client.send(&write).await {
            Ok(answer) => answer.unprocessed_items.unwrap_or_default(),
            // As an answer that leaves out everything.
            Err(SdkError::ServiceError(fault))
                if fault.err().is_provisioned_throughput_exceeded_exception() =>
            {
                [(self.name.clone(), batch)].into()
            }
            Err(fault) => return Err(CallError::from_sdk(fault)),
        };
        Ok(Batch {
            found: Vec::new(),
            left_out: left_out.into_values().flatten().collect(),
        })
    }
}

/// The items in their order, in batches as large as allowed.
fn batches(items: Vec<Item>) -> Vec<Vec<Item>> {
    let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
    for item in items {
        let size = size(&item);
        let is_full = batch.len() == WRITE_ITEMS || bytes.saturating_add(size) > WRITE_BYTES;
        if is_full && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
        batch.push(item);
    }
    batches.push(batch);
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// About how many bytes an item has.
fn size(item: &Item) -> usize {
    let size = |value: &AttributeValue| value.as_b().map_or(40, |bytes| bytes.as_ref().len());
    item.values().map(size).sum()
}

fn unbuildable(_: BuildError) -> CallError {
    CallError::unexpected("a request lacks what it needs")
}
