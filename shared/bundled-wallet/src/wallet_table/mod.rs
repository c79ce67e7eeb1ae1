//! The bundled wallet's table: offers, and where each credential stands on a status list.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | an offer | `offer#{offer_id}` | `offer` |
//! | a credential's status | `status#{list}#{index}` | `status` |
//! | a list's version | `list#{list}` | `head` |
//! | an entry that is not valid | `list#{list}` | `entry#{index}` |
//! | the list that is being filled | `lists` | `current` |
//!
//! An offer that still has its claims stands in an index besides, by the time at which they are to be erased:
//! see [`WalletTable::claims_due`].

mod erasure;
mod offers;
mod statuses;
mod steps;

use bestow_aws::Dynamodb;
use bestow_aws::Table;

pub use erasure::CLAIMS_TO_ERASE;
pub use offers::Creation;
pub use statuses::StatusChangeOutcome;

/// The bundled wallet's table.
#[derive(Debug, Clone)]
pub struct WalletTable(Table);

impl WalletTable {
    /// The table called `name`.
    pub fn new(client: Dynamodb, name: &str) -> Self {
        Self(Table::new(client, name))
    }
}
