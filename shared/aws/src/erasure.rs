//! Which claims are to be erased.
//!
//! An item that has claims also has `erase_at_seconds` and `erase_shard`. These two are the key of a sparse
//! index of its table, so that what is due is found without reading what is not, and an item leaves the index
//! by the write that takes its claims.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_smithy_async::future::pagination_stream::PaginationStream;

use crate::CallError;
use crate::item::{Item, number};

/// How many parts such an index has. One part takes a thousand writes a second, and an issuance has three
/// or four. More may be added; with fewer, what the others still hold would never be found.
pub const ERASE_SHARDS: u8 = 8;

const ERASE_AT: &str = "erase_at_seconds";

/// Entries that are read at a time.
const PAGE: i32 = 200;

/// Something whose claims are to be erased, as the index knows it. Since the index follows the table, it may
/// have moved on: whoever erases looks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due<T> {
    /// Whose claims.
    pub id: T,
    /// Unix time from which they were to be erased.
    pub erase_at_seconds: i64,
}

/// What is due in one shard, the oldest first and a page at a time.
#[derive(Debug)]
pub struct DuePages<T> {
    pages: PaginationStream<Result<QueryOutput, SdkError<QueryError>>>,
    id: fn(&Item) -> Option<T>,
}

impl<T> DuePages<T> {
    /// What is due at `now_seconds` in a shard of an index: hash key `erase_shard`, range key
    /// `erase_at_seconds`, keys only. `id` reads whose claims an entry is about.
    pub fn of(
        client: &Client,
        (table, index): (&str, &str),
        shard: u8,
        now_seconds: i64,
        id: fn(&Item) -> Option<T>,
    ) -> Self {
        let pages = client
            .query()
            .table_name(table)
            .index_name(index)
            .key_condition_expression("erase_shard = :shard AND erase_at_seconds <= :now")
            .expression_attribute_values(":shard", number(shard))
            .expression_attribute_values(":now", number(now_seconds))
            .into_paginator()
            .page_size(PAGE)
            .send();
        Self { pages, id }
    }

    /// The next page; none after the last. An entry that cannot be read is a failure of its own, and does not
    /// keep the others from being erased.
    pub async fn next(&mut self) -> Option<Result<Vec<Result<Due<T>, CallError>>, CallError>> {
        let page = self.pages.next().await?;
        Some(page.map_err(CallError::from_sdk).map(|page| {
            let entries = page.items.unwrap_or_default();
            entries.iter().map(|entry| self.read(entry)).collect()
        }))
    }

    fn read(&self, entry: &Item) -> Result<Due<T>, CallError> {
        Ok(Due {
            id: (self.id)(entry).ok_or_else(|| {
                CallError::unexpected("an index entry of nothing that has claims")
            })?,
            erase_at_seconds: entry
                .get(ERASE_AT)
                .and_then(|due| due.as_n().ok()?.parse().ok())
                .ok_or_else(|| CallError::unexpected("an index entry without its time"))?,
        })
    }
}
