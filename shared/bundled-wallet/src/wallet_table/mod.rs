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

use aws::CallError;
use aws::item::Item;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

pub use erasure::CLAIMS_TO_ERASE;
pub use offers::Creation;
pub use statuses::StatusChangeOutcome;
pub use steps::OfferStep;

/// The bundled wallet's table.
#[derive(Debug, Clone)]
pub struct WalletTable {
    client: Client,
    name: String,
}

impl WalletTable {
    /// The table called `name`.
    pub fn new(client: Client, name: &str) -> Self {
        Self {
            client,
            name: name.to_owned(),
        }
    }

    /// Reads one item, consistently: it shows every write that was answered before.
    async fn get(&self, pk: AttributeValue, sk: AttributeValue) -> Result<Option<Item>, CallError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", pk)
            .key("sk", sk)
            .consistent_read(true)
            .send()
            .await
            .map_err(CallError::from_sdk)?;
        Ok(answer.item)
    }
}
