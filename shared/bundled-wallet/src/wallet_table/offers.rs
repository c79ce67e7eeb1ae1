//! Offers: one item each, and one write for each step.

use bestow_aws::item::{self, Item, MalformedItemError};
use bestow_aws::{CallError, Transacted, Write};
use bestow_issuer::{Offer, OfferId, StatusRecord, Transition, Written};
use serde::Serialize;

use super::erasure::shard_of;
use super::statuses::status_item;
use super::{WalletTable, steps};

/// What became of a new offer.
#[derive(Debug)]
pub enum Creation {
    /// It is stored, and with it the place of its credential on the status list.
    Created,
    /// There is one of that id already. Nothing was written.
    Exists(Box<Offer>),
    /// The place on the status list is another credential's. Nothing was written.
    IndexTaken,
    /// Other writes of the same items were in the way for seconds. Nothing was written.
    Contended,
}

/// What the item of an offer starts with. Its steps keep `erase_at_seconds` right.
#[derive(Serialize)]
struct OfferItem<'a> {
    #[serde(flatten)]
    offer: &'a Offer,
    expires_at: i64,
    erase_at_seconds: Option<i64>,
    erase_shard: Option<u8>,
}

impl WalletTable {
    /// Stores a new offer together with the status record of its credential, if it has one: both or
    /// none.
    pub async fn create_offer(
        &self,
        offer: &Offer,
        status: Option<&StatusRecord>,
    ) -> Result<Creation, CallError> {
        let put = Write::put(offer_item(offer)?).if_absent();
        let created = match status {
            None => self.0.write(put).await.map(Transacted::from),
            Some(status) => {
                let status = Write::put(status_item(status)?).if_absent();
                self.0.transact([put, status]).await
            }
        };
        match created {
            Ok(Transacted::Done) => Ok(Creation::Created),
            Ok(Transacted::Refused { write: 0, item }) => {
                let existing = item::read(item.unwrap_or_default())?;
                Ok(Creation::Exists(Box::new(existing)))
            }
            Ok(Transacted::Refused { .. }) => Ok(Creation::IndexTaken),
            Err(fault) if fault.is_contention() => Ok(Creation::Contended),
            Err(fault) => Err(fault),
        }
    }

    /// Takes a step of an offer: one conditional write, so that of two at the same time one is refused.
    /// (A repeated start, which is a transaction, can be in its way.)
    pub async fn write(&self, step: &Transition) -> Result<Written, CallError> {
        let update = steps::update(step, offer_key(&step.offer_id));
        Ok(match self.0.write(update.returning_item()).await? {
            bestow_aws::Written::Done(item) => Written::Applied(item::read(item)?),
            bestow_aws::Written::Refused(existing) => Written::Refused(read_offer(existing)?),
        })
    }

    /// The offers with these keys (`pk`), as they are now; those that are gone are left out.
    pub async fn offers(&self, keys: Vec<String>) -> Result<Vec<Offer>, CallError> {
        let keys: Vec<Item> = keys.iter().map(|pk| item::key(pk, OFFER_SK)).collect();
        let read = self.0.get_many(&keys).await?;
        if !read.left_out.is_empty() {
            return Err(CallError::left_out());
        }
        let offers = read.found.into_iter().map(item::read);
        Ok(offers.collect::<Result<_, MalformedItemError>>()?)
    }

    /// The offer of this id, if there is one. Consistent: it shows every step that was taken before.
    pub async fn offer(&self, offer_id: &OfferId) -> Result<Option<Offer>, CallError> {
        Ok(read_offer(self.0.get(offer_key(offer_id)).await?)?)
    }
}

pub(super) const OFFER: &str = "offer#";
const OFFER_SK: &str = "offer";

fn offer_key(offer_id: &OfferId) -> Item {
    item::key(format!("{OFFER}{}", offer_id.as_str()), OFFER_SK)
}

fn offer_item(offer: &Offer) -> Result<Item, CallError> {
    let erase_at_seconds = offer.erase_at().map(|due| due.as_second());
    let attributes = OfferItem {
        offer,
        expires_at: offer.purge_at().as_second(),
        erase_at_seconds,
        erase_shard: erase_at_seconds.map(|_| shard_of(&offer.offer_id)),
    };
    item::write(offer_key(&offer.offer_id), &attributes)
}

fn read_offer(item: Option<Item>) -> Result<Option<Offer>, MalformedItemError> {
    item.map(item::read).transpose()
}
