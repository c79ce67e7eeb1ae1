//! Which claims are to be erased.
//!
//! An item that has claims also has `erase_at_seconds` and `erase_shard`. These two are the key of a sparse
//! index, so that what is due is found without reading what is not, and an item leaves the index by the write
//! that takes its claims.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use aws_smithy_async::future::pagination_stream::PaginationStream;
use issuer::OfferId;

use super::offers::OFFER_KEY;
use super::{Item, WalletTable, number, read_number};
use crate::CallError;

/// The name of the index: hash key `erase_shard`, range key `erase_at_seconds`, keys only.
pub const CLAIMS_TO_ERASE: &str = "claims-to-erase";

/// How many parts the index has. One part of an index takes a thousand writes a second, and an issuance
/// has three or four. More may be added; with fewer, what the others still hold would never be found.
pub const ERASE_SHARDS: u8 = 8;

pub(super) const ERASE_SHARD: &str = "erase_shard";
pub(super) const ERASE_AT: &str = "erase_at_seconds";

/// Entries that are read at a time.
const PAGE: i32 = 200;

/// An offer whose claims are to be erased, as the index knows it. Since the index follows the table, the
/// offer may have moved on: [`issuer::EraseClaims`] looks again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimsDue {
    /// Whose claims.
    pub offer_id: OfferId,
    /// Unix time from which they were to be erased.
    pub erase_at_seconds: i64,
}

/// What is due in one shard, a page at a time.
#[derive(Debug)]
pub struct ClaimsDuePages(PaginationStream<Result<QueryOutput, SdkError<QueryError>>>);

impl WalletTable {
    /// The claims of one shard (`0..ERASE_SHARDS`) that are due at `now_seconds`, the oldest first.
    #[must_use]
    pub fn claims_due(&self, shard: u8, now_seconds: i64) -> ClaimsDuePages {
        let pages = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(CLAIMS_TO_ERASE)
            .key_condition_expression("erase_shard = :shard AND erase_at_seconds <= :now")
            .expression_attribute_values(":shard", number(shard))
            .expression_attribute_values(":now", number(now_seconds))
            .into_paginator()
            .page_size(PAGE)
            .send();
        ClaimsDuePages(pages)
    }
}

impl ClaimsDuePages {
    /// The next page; none after the last.
    pub async fn next(&mut self) -> Option<Result<Vec<ClaimsDue>, CallError>> {
        let page = self.0.next().await?;
        Some(page.map_err(CallError::from_sdk).and_then(|page| {
            let entries = page.items.unwrap_or_default();
            entries.iter().map(read).collect()
        }))
    }
}

fn read(entry: &Item) -> Result<ClaimsDue, CallError> {
    let offer_id = entry
        .get("pk")
        .and_then(|key| key.as_s().ok())
        .and_then(|key| key.strip_prefix(OFFER_KEY))
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| CallError::unexpected("an index entry that is no offer's"))?;
    Ok(ClaimsDue {
        offer_id,
        erase_at_seconds: read_number(entry, ERASE_AT)?,
    })
}

/// The shard of an offer: its id is random, so any sum of it will do.
pub(super) fn shard_of(offer_id: &OfferId) -> u8 {
    let sum = offer_id.as_str().bytes().fold(0, u8::wrapping_add);
    sum % ERASE_SHARDS
}
