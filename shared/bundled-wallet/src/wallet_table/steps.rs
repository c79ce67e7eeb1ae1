//! Each step of an offer as the conditional update that its documentation in [`issuer`]
//! prescribes.

use bestow_aws::Write;
use bestow_aws::item::{Item, number, string};
use bestow_issuer::{
    CountTxCodeAttempt, ExhaustTxCode, IssueCredential, MAXIMUM_TX_CODE_ATTEMPTS,
    PurgeExpiredClaims, RecordReport, RedeemCode, RetrieveOffer, Transition, WalletReport,
};
use jiff::Timestamp;

/// A step of an offer that the table can execute as one conditional update.
pub trait OfferStep: Transition {
    /// The update of the offer that has this key.
    fn update(&self, offer: Item) -> Write;
}

impl OfferStep for RetrieveOffer {
    fn update(&self, offer: Item) -> Write {
        let change = "SET #state = :retrieved, changed_at_seconds = :now";
        step(offer, change, self.now).only_if("#state = :created")
    }
}

impl OfferStep for CountTxCodeAttempt {
    fn update(&self, offer: Item) -> Write {
        let change = "SET tx_code_attempts = tx_code_attempts + :one";
        step(offer, change, self.now)
            .only_if(format!(
                "{IS_OPEN} AND {IS_THIS} AND tx_code_attempts < :maximum"
            ))
            .value(":created_at", number(self.created_at.as_second()))
    }
}

impl OfferStep for ExhaustTxCode {
    fn update(&self, offer: Item) -> Write {
        let change = format!("SET #state = :exhausted, changed_at_seconds = :now {REMOVE_CLAIMS}");
        step(offer, change, self.now)
            .only_if(format!(
                "{IS_THIS} AND #state IN (:created, :retrieved) AND tx_code_attempts >= :maximum"
            ))
            .value(":created_at", number(self.created_at.as_second()))
    }
}

impl OfferStep for RedeemCode {
    fn update(&self, offer: Item) -> Write {
        let change = "SET #state = :token_issued, changed_at_seconds = :now, token_id = :token_id, \
                      token_expires_at_seconds = :token_expires_at, erase_at_seconds = :erase_at";
        let token = &self.token;
        step(offer, change, self.now)
            .only_if(format!("{IS_OPEN} AND {IS_THIS} AND {HAS_CLAIMS}"))
            .value(":created_at", number(self.created_at.as_second()))
            .value(":token_id", string(&token.token_id))
            .value(":token_expires_at", number(token.expires_at.as_second()))
            .value(":erase_at", number(self.erase_at().as_second()))
    }
}

impl OfferStep for IssueCredential {
    fn update(&self, offer: Item) -> Write {
        let change = "SET #state = :credential_issued, holder_thumbprint = :holder, \
                      credential_issued_at_seconds = :now, changed_at_seconds = :now";
        step(offer, change, self.now)
            .only_if(format!(
                "{IS_THIS} AND token_id = :token_id AND token_expires_at_seconds > :now \
                 AND {HAS_CLAIMS} AND #state = :token_issued"
            ))
            .value(":created_at", number(self.created_at.as_second()))
            .value(":token_id", string(&self.token_id))
            .value(":holder", string(&self.holder_thumbprint))
    }
}

impl OfferStep for RecordReport {
    fn update(&self, offer: Item) -> Write {
        let claims = if self.erases_claims() {
            REMOVE_CLAIMS
        } else {
            ""
        };
        let change = format!("SET report = :report, changed_at_seconds = :now {claims}");
        let replaced: String = self
            .replaces()
            .iter()
            .map(|report| format!(" OR report = :{}", report_name(*report)))
            .collect();
        [WalletReport::Accepted, WalletReport::Declined]
            .into_iter()
            .map(report_name)
            .fold(step(offer, change, self.now), |step, name| {
                step.value(&format!(":{name}"), string(name))
            })
            .only_if(format!(
                "{IS_THIS} AND token_id = :token_id AND #state = :credential_issued \
                 AND (attribute_not_exists(report){replaced})"
            ))
            .value(":created_at", number(self.created_at.as_second()))
            .value(":token_id", string(&self.token_id))
            .value(":report", string(report_name(self.report)))
    }
}

impl OfferStep for PurgeExpiredClaims {
    fn update(&self, offer: Item) -> Write {
        step(offer, REMOVE_CLAIMS, self.now)
            .only_if(format!("{HAS_CLAIMS} AND erase_at_seconds <= :now"))
    }
}

/// The claims, and with them the item's place in the index of what is to be erased.
const REMOVE_CLAIMS: &str = "REMOVE encrypted_claims, erase_at_seconds, erase_shard";
const HAS_CLAIMS: &str = "attribute_exists(encrypted_claims)";

/// The code of the offer can still be redeemed ([`Offer::is_open`](bestow_issuer::Offer::is_open)).
const IS_OPEN: &str = "#state IN (:created, :retrieved) AND code_expires_at_seconds > :now";

/// It is not a later offer of the same correlation id.
const IS_THIS: &str = "created_at_seconds = :created_at";

/// A change of an offer, with what its condition and its change may name.
fn step(offer: Item, change: impl Into<String>, now: Timestamp) -> Write {
    Write::update(offer, change)
        .value(":now", number(now.as_second()))
        .value(":one", number(1))
        .value(":maximum", number(MAXIMUM_TX_CODE_ATTEMPTS))
        .value(":created", string("created"))
        .value(":retrieved", string("retrieved"))
        .value(":exhausted", string("tx_code_exhausted"))
        .value(":token_issued", string("token_issued"))
        .value(":credential_issued", string("credential_issued"))
}

fn report_name(report: WalletReport) -> &'static str {
    report.into()
}
