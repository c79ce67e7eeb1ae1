//! Each step of an offer as the conditional update that its documentation in [`issuer`]
//! prescribes.

use aws::item::{number, string};
use aws_sdk_dynamodb::types::AttributeValue;
use issuer::{
    CountTxCodeAttempt, EraseClaims, ExhaustTxCode, IssueCredential, MAXIMUM_TX_CODE_ATTEMPTS,
    RecordReport, RedeemCode, RetrieveOffer, Transition, WalletReport,
};

const CREATED: &str = "created";
const RETRIEVED: &str = "retrieved";
const TX_CODE_EXHAUSTED: &str = "tx_code_exhausted";
const TOKEN_ISSUED: &str = "token_issued";
const CREDENTIAL_ISSUED: &str = "credential_issued";

/// A step of an offer that the table can execute as one conditional update.
pub trait OfferStep: Transition {
    /// The condition, the change and the values of both, in DynamoDB's expression language. `#state`
    /// stands for the attribute `state`, whose name is a reserved word.
    fn update(&self) -> Update;
}

/// A conditional update in DynamoDB's expression language.
#[derive(Debug)]
pub struct Update {
    pub(super) condition: String,
    pub(super) change: String,
    pub(super) values: Vec<(&'static str, AttributeValue)>,
}

impl OfferStep for RetrieveOffer {
    fn update(&self) -> Update {
        Update {
            condition: "#state = :created".to_owned(),
            change: "SET #state = :retrieved, changed_at_seconds = :now".to_owned(),
            values: vec![
                (":created", string(CREATED)),
                (":retrieved", string(RETRIEVED)),
                (":now", number(self.now_seconds)),
            ],
        }
    }
}

impl OfferStep for CountTxCodeAttempt {
    fn update(&self) -> Update {
        Update {
            condition: format!(
                "{IS_OPEN} AND created_at_seconds = :created_at AND tx_code_attempts < :maximum"
            ),
            change: "SET tx_code_attempts = tx_code_attempts + :one".to_owned(),
            values: vec![
                (":created", string(CREATED)),
                (":retrieved", string(RETRIEVED)),
                (":now", number(self.now_seconds)),
                (":created_at", number(self.created_at_seconds)),
                (":maximum", number(MAXIMUM_TX_CODE_ATTEMPTS)),
                (":one", number(1)),
            ],
        }
    }
}

impl OfferStep for ExhaustTxCode {
    fn update(&self) -> Update {
        Update {
            condition: "created_at_seconds = :created_at AND #state IN (:created, :retrieved) \
                        AND tx_code_attempts >= :maximum"
                .to_owned(),
            change: format!("SET #state = :exhausted, changed_at_seconds = :now {REMOVE_CLAIMS}"),
            values: vec![
                (":created", string(CREATED)),
                (":retrieved", string(RETRIEVED)),
                (":exhausted", string(TX_CODE_EXHAUSTED)),
                (":now", number(self.now_seconds)),
                (":created_at", number(self.created_at_seconds)),
                (":maximum", number(MAXIMUM_TX_CODE_ATTEMPTS)),
            ],
        }
    }
}

impl OfferStep for RedeemCode {
    fn update(&self) -> Update {
        let token = self.token();
        Update {
            condition: format!(
                "{IS_OPEN} AND created_at_seconds = :created_at \
                 AND attribute_exists(encrypted_claims)"
            ),
            change: "SET #state = :token_issued, changed_at_seconds = :now, token_id = :token_id, \
                     token_expires_at_seconds = :token_expires_at, erase_at_seconds = :erase_at"
                .to_owned(),
            values: vec![
                (":created", string(CREATED)),
                (":retrieved", string(RETRIEVED)),
                (":token_issued", string(TOKEN_ISSUED)),
                (":now", number(self.now_seconds())),
                (":created_at", number(self.created_at_seconds())),
                (":token_id", string(&token.token_id)),
                (":token_expires_at", number(token.token_expires_at_seconds)),
                (":erase_at", number(self.erase_at_seconds())),
            ],
        }
    }
}

impl OfferStep for IssueCredential {
    fn update(&self) -> Update {
        Update {
            condition: "created_at_seconds = :created_at AND token_id = :token_id \
                        AND token_expires_at_seconds > :now AND attribute_exists(encrypted_claims) \
                        AND #state = :token_issued"
                .to_owned(),
            change: "SET #state = :credential_issued, holder_thumbprint = :holder, \
                     credential_issued_at_seconds = :now, changed_at_seconds = :now"
                .to_owned(),
            values: vec![
                (":token_issued", string(TOKEN_ISSUED)),
                (":credential_issued", string(CREDENTIAL_ISSUED)),
                (":now", number(self.now_seconds())),
                (":created_at", number(self.created_at_seconds())),
                (":token_id", string(self.token_id())),
                (":holder", string(self.holder_thumbprint())),
            ],
        }
    }
}

impl OfferStep for RecordReport {
    fn update(&self) -> Update {
        let mut condition = "created_at_seconds = :created_at AND token_id = :token_id \
                             AND #state = :credential_issued AND (attribute_not_exists(report)"
            .to_owned();
        let mut values = vec![
            (":credential_issued", string(CREDENTIAL_ISSUED)),
            (":now", number(self.now_seconds())),
            (":created_at", number(self.created_at_seconds())),
            (":token_id", string(self.token_id())),
            (":report", string(report_name(self.report()))),
        ];
        for (name, replaced) in [":replaced", ":replaced_too"]
            .into_iter()
            .zip(self.replaces())
        {
            condition.push_str(&format!(" OR report = {name}"));
            values.push((name, string(report_name(*replaced))));
        }
        condition.push(')');
        let mut change = "SET report = :report, changed_at_seconds = :now ".to_owned();
        if self.erases_claims() {
            change.push_str(REMOVE_CLAIMS);
        }
        Update {
            condition,
            change,
            values,
        }
    }
}

impl OfferStep for EraseClaims {
    fn update(&self) -> Update {
        Update {
            condition: "attribute_exists(encrypted_claims) AND erase_at_seconds <= :now".to_owned(),
            change: REMOVE_CLAIMS.to_owned(),
            values: vec![(":now", number(self.now_seconds))],
        }
    }
}

/// The claims, and with them the item's place in the index of what is to be erased.
const REMOVE_CLAIMS: &str = "REMOVE encrypted_claims, erase_at_seconds, erase_shard";

/// The code of the offer can still be redeemed ([`Offer::is_open`]).
const IS_OPEN: &str = "#state IN (:created, :retrieved) AND code_expires_at_seconds > :now";

const fn report_name(report: WalletReport) -> &'static str {
    match report {
        WalletReport::Accepted => "accepted",
        WalletReport::Declined => "declined",
        WalletReport::Deleted => "deleted",
    }
}
