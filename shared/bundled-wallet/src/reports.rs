//! Get issue status: what has become of an offer, by its item in the table.

use bestow_aws::CallError;
use bestow_aws::sdk::Sdk;
use bestow_contract::IssueStatus;
use bestow_issuance::Record;
use bestow_issuance::ports::{ReportingWallet, WalletError};
use bestow_issuer::OfferId;
use bestow_runtime::{ConfigError, Env};

use crate::config;
use crate::failure::unavailable;
use crate::wallet_table::WalletTable;

/// The bundled wallet as one that says what has become of its offers.
#[derive(Clone)]
pub struct BundledReports {
    table: WalletTable,
}

/// What has become of an offer that has changed.
pub struct ChangedOffer {
    /// Which offer.
    offer_id: OfferId,
    /// What it is like.
    pub status: IssueStatus,
}

impl ChangedOffer {
    /// Whether it is the offer of `record`, and not one of an earlier issuance of the same name.
    pub fn is_of(&self, record: &Record) -> bool {
        self.offer_id == offer_id(record)
    }
}

impl BundledReports {
    /// Reads `WALLET_TABLE`. A fault names its variable.
    pub fn from_env(env: &Env, sdk: &Sdk) -> Result<Self, ConfigError> {
        Ok(Self {
            table: config::table(env, sdk)?,
        })
    }

    /// What has become of the offers with these keys, which the table's stream has named (`pk` of an item `offer`).
    /// Those that are gone are left out.
    ///
    /// # Errors
    /// When the table gave no answer for one of them.
    pub async fn changed(&self, keys: Vec<String>) -> Result<Vec<ChangedOffer>, CallError> {
        let now = config::now();
        let offers = self.table.offers(keys).await?;
        Ok(offers
            .into_iter()
            .map(|offer| ChangedOffer {
                status: offer.issue_status(now),
                offer_id: offer.offer_id,
            })
            .collect())
    }
}

impl ReportingWallet for BundledReports {
    async fn issue_status(&self, record: &Record) -> Result<Option<IssueStatus>, WalletError> {
        let offer = self
            .table
            .offer(&offer_id(record))
            .await
            .map_err(|fault| unavailable(&fault))?;
        Ok(offer.map(|offer| offer.issue_status(config::now())))
    }
}

/// The name of a record's offer, whether or not there is one.
pub(crate) fn offer_id(record: &Record) -> OfferId {
    OfferId::of(record.request_hash.as_str())
}
