//! The index of the offers that still have their claims: see [`bestow_aws::erasure`].

use bestow_aws::erasure::{DuePages, ERASE_SHARDS};
use bestow_aws::item::{Item, parsed_key};
use bestow_issuer::OfferId;
use jiff::Timestamp;

use super::WalletTable;
use super::offers::OFFER;

/// The name of the index.
pub const CLAIMS_TO_ERASE: &str = "claims-to-erase";

impl WalletTable {
    /// The offers of one shard (`0..ERASE_SHARDS`) whose claims are due, the oldest first.
    /// [`bestow_issuer::Step::PurgeExpiredClaims`] looks at each again.
    #[must_use]
    pub fn claims_due(&self, shard: u8, now: Timestamp) -> DuePages<OfferId> {
        let id: fn(&Item) -> Option<OfferId> = |entry| parsed_key(entry, "pk", OFFER);
        self.0.due(CLAIMS_TO_ERASE, shard, now.as_second(), id)
    }
}

/// The shard of an offer: its id is random, so any sum of it will do.
pub(super) fn shard_of(offer_id: &OfferId) -> u8 {
    let sum = offer_id.as_str().bytes().fold(0, u8::wrapping_add);
    sum % ERASE_SHARDS
}
