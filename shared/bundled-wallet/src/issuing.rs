//! Start issue: an offer is made and stored, and with it the credential's place on a status list.

use std::sync::{Arc, PoisonError, RwLock};

use bestow_aws::CallError;
use bestow_aws::sdk::Sdk;
use bestow_contract::{Problem, StartIssue, StartIssueAnswer};
use bestow_issuance::Record;
use bestow_issuance::ports::{IssuingWallet, WalletError};
use bestow_issuer::{CreateOfferError, CredentialOffers, ListNumber, Offer, StatusRecord};
use bestow_runtime::{ConfigError, Env};

use crate::config;
use crate::failure::{contended, unavailable};
use crate::reports::offer_id;
use crate::wallet_table::{Creation, WalletTable};

/// Random indices in a row that are taken already before the next list is begun: with eight, a list is left when it is
/// about a third full, after 1.2 draws for each credential.
const DRAWS: u32 = 8;

/// The bundled wallet as one that issues. Clones share what they remember.
#[derive(Clone)]
pub struct BundledIssuing {
    offers: Arc<CredentialOffers>,
    table: WalletTable,
    open_list: Arc<OpenList>,
}

impl BundledIssuing {
    /// Reads `WALLET_TABLE` and the variables of [`config::offers`]. A fault names its variable.
    pub fn from_env(env: &Env, sdk: &Sdk) -> Result<Self, ConfigError> {
        Ok(Self {
            offers: Arc::new(config::offers(env)?),
            table: config::table(env, sdk)?,
            open_list: Arc::default(),
        })
    }

    /// The stored offer for this start: a new one, or the one that an equal start made before.
    async fn store_offer(&self, record: &Record, start: &StartIssue) -> Result<Offer, WalletError> {
        let mut list = if self.offers.has_status_list(&start.template_id) {
            self.open_list.get(&self.table).await?
        } else {
            // No place is drawn, so no list needs to be known.
            ListNumber::FIRST
        };
        let mut offer = self
            .offers
            .start(
                start,
                offer_id(record),
                record.correlation_id.clone(),
                list,
                rand::random(),
                config::now(),
            )
            .map_err(refused)?;
        loop {
            for _ in 0..DRAWS {
                let status = offer.revocation_uuid.map(StatusRecord::new);
                let created = self
                    .table
                    .create_offer(&offer, status.as_ref())
                    .await
                    .map_err(|fault| unavailable(&fault))?;
                match created {
                    Creation::Created => return Ok(offer),
                    Creation::Exists(stored) => return Ok(*stored),
                    Creation::IndexTaken => offer = offer.redraw_status(list, rand::random()),
                    Creation::Contended => {
                        return Err(contended("this issuance is being started by others"));
                    }
                }
            }
            list = self.open_list.begin_next(&self.table, list).await?;
            offer = offer.redraw_status(list, rand::random());
        }
    }
}

fn refused(refused: CreateOfferError) -> WalletError {
    if let CreateOfferError::UnusableTemplate(fault) = &refused {
        tracing::error!(%fault, "an issue template cannot be used: correct it and deploy again");
    }
    WalletError::Refused(refused.into())
}

impl IssuingWallet for BundledIssuing {
    async fn start_issue(
        &self,
        record: &Record,
        request: &StartIssue,
    ) -> Result<StartIssueAnswer, WalletError> {
        let offer = self.store_offer(record, request).await?;
        Ok(self.offers.start_answer(&offer, request))
    }
}

/// The status list whose indices are being given out, cached by the process. An outdated one does no harm: the older
/// list is filled further.
#[derive(Default)]
struct OpenList(RwLock<Option<ListNumber>>);

impl OpenList {
    async fn get(&self, table: &WalletTable) -> Result<ListNumber, WalletError> {
        let known = *self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = known {
            return Ok(list);
        }
        self.remember(table.current_list().await)
    }

    async fn begin_next(
        &self,
        table: &WalletTable,
        full: ListNumber,
    ) -> Result<ListNumber, WalletError> {
        let next = full.next().ok_or_else(|| {
            tracing::error!("there is no status list left");
            WalletError::Refused(Problem::internal())
        })?;
        tracing::info!(list = %next, "a status list is full enough, the next one is begun");
        self.remember(table.advance_current_list(next).await)
    }

    fn remember(&self, list: Result<ListNumber, CallError>) -> Result<ListNumber, WalletError> {
        let list = list.map_err(|fault| unavailable(&fault))?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(list);
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use bestow_contract::FieldError;
    use bestow_issuer::IssueTemplateError;

    use super::*;
    use crate::test_log::logged;

    #[test]
    fn a_template_that_cannot_be_used_is_told_to_the_operator_alone() {
        let fault = IssueTemplateError {
            file: "badge.json".to_owned(),
            fault: FieldError::new("/claims_schema/type", "is not a JSON Schema"),
        };
        let (refused, log) = logged(|| refused(CreateOfferError::UnusableTemplate(fault)));
        assert!(
            log.contains("ERROR") && log.contains("badge.json: /claims_schema/type is not a"),
            "{log}"
        );
        let problem = refused.problem();
        assert_eq!(problem.status, 502);
        assert!(!problem.detail.contains("badge"), "{}", problem.detail);
    }
}
