//! Which claims are to be erased.
//!
//! An item with claims has `erase_at_seconds` and `erase_shard`, the key of a sparse index of its table. What is due is
//! found by that index, and an item leaves it with the write that removes its claims.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use crate::CallError;
use crate::item::{Item, number};
use crate::table::Table;

/// How many shards such an index has. A shard takes a thousand writes a second, and an issuance has three or four.
/// The number may grow; if it shrinks, items in the removed shards are never found.
pub const ERASE_SHARDS: u8 = 8;

const ERASE_AT: &str = "erase_at_seconds";

/// Entries of a page.
const PAGE: i32 = 200;

/// Something whose claims are to be erased. The index is eventually consistent, so the item may have changed.
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
    table: Table,
    next: Option<QueryFluentBuilder>,
    id: fn(&Item) -> Option<T>,
}

impl<T> DuePages<T> {
    /// What is due at `now_seconds` in a shard of an index with keys alone. `id` reads whose claims an entry is about.
    pub fn of(
        table: &Table,
        index: &str,
        shard: u8,
        now_seconds: i64,
        id: fn(&Item) -> Option<T>,
    ) -> Self {
        let query = table
            .client
            .query()
            .table_name(&table.name)
            .index_name(index)
            .key_condition_expression("erase_shard = :shard AND erase_at_seconds <= :now")
            .expression_attribute_values(":shard", number(shard))
            .expression_attribute_values(":now", number(now_seconds))
            .limit(PAGE);
        Self {
            table: table.clone(),
            next: Some(query),
            id,
        }
    }

    /// The next page; none after the last. An entry that cannot be read fails for itself.
    pub async fn next(&mut self) -> Option<Result<Vec<Result<Due<T>, CallError>>, CallError>> {
        let query = self.next.take()?;
        let page = match self.table.page(query.clone()).await {
            Ok(page) => page,
            Err(fault) => return Some(Err(fault)),
        };
        self.next = page
            .last_evaluated_key
            .map(|key| query.set_exclusive_start_key(Some(key)));
        let entries = page.items.unwrap_or_default();
        Some(Ok(entries.iter().map(|entry| self.read(entry)).collect()))
    }

    fn read(&self, entry: &Item) -> Result<Due<T>, CallError> {
        let id = (self.id)(entry);
        let id = id.ok_or_else(|| CallError::unexpected("an index entry without its id"))?;
        let at = entry.get(ERASE_AT);
        let at = at.and_then(|at| at.as_n().ok()?.parse().ok());
        Ok(Due {
            id,
            erase_at_seconds: at
                .ok_or_else(|| CallError::unexpected("an index entry without its time"))?,
        })
    }
}
