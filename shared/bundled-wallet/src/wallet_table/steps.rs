//! Each step of an offer as the conditional update that [`Transition`] prescribes.

use bestow_aws::Write;
use bestow_aws::item::{Item, number, string};
use bestow_issuer::{MAXIMUM_TX_CODE_ATTEMPTS, Step, Transition, WalletReport};

/// The claims, and with them the item's place in the index of what is to be erased.
const REMOVE_CLAIMS: &str = "REMOVE encrypted_claims, erase_at_seconds, erase_shard";
const HAS_CLAIMS: &str = "attribute_exists(encrypted_claims)";

/// The code of the offer can still be redeemed ([`Offer::is_open`](bestow_issuer::Offer::is_open)).
const IS_OPEN: &str = "#state IN (:created, :retrieved) AND code_expires_at_seconds > :now";

/// The update of the offer that has this key.
pub(super) fn update(transition: &Transition, offer: Item) -> Write {
    // It is not a later offer of the same id.
    let is_this = match transition.created_at {
        Some(_) => "created_at_seconds = :created_at AND ",
        None => "",
    };
    let write = |change: &str, condition: &str| {
        Write::update(offer, change).only_if(format!("{is_this}{condition}"))
    };
    let write = match &transition.step {
        Step::Retrieve => write(
            "SET #state = :retrieved, changed_at_seconds = :now",
            "#state = :created",
        ),
        Step::CountTxCodeAttempt => write(
            "SET tx_code_attempts = tx_code_attempts + :one",
            &format!("{IS_OPEN} AND tx_code_attempts < :maximum"),
        ),
        Step::ExhaustTxCode => write(
            &format!("SET #state = :exhausted, changed_at_seconds = :now {REMOVE_CLAIMS}"),
            "#state IN (:created, :retrieved) AND tx_code_attempts >= :maximum",
        ),
        Step::RedeemCode { token, .. } => write(
            "SET #state = :token_issued, changed_at_seconds = :now, token_id = :token_id, \
             token_expires_at_seconds = :token_expires_at, erase_at_seconds = :erase_at",
            &format!("{IS_OPEN} AND {HAS_CLAIMS}"),
        )
        .value(":token_id", string(&token.token_id))
        .value(":token_expires_at", number(token.expires_at.as_second()))
        .value(":erase_at", number(token.erase_at().as_second())),
        Step::IssueCredential {
            token_id,
            holder_thumbprint,
            ..
        } => write(
            "SET #state = :credential_issued, holder_thumbprint = :holder, \
             credential_issued_at_seconds = :now, changed_at_seconds = :now",
            &format!(
                "token_id = :token_id AND token_expires_at_seconds > :now AND {HAS_CLAIMS} \
                 AND #state = :token_issued"
            ),
        )
        .value(":token_id", string(token_id))
        .value(":holder", string(holder_thumbprint)),
        Step::RecordReport {
            token_id, report, ..
        } => {
            let claims = if report.erases_claims() {
                REMOVE_CLAIMS
            } else {
                ""
            };
            let replaced: String = report
                .replaces()
                .iter()
                .map(|report| format!(" OR report = :{}", name(*report)))
                .collect();
            write(
                &format!("SET report = :report, changed_at_seconds = :now {claims}"),
                &format!(
                    "token_id = :token_id AND #state = :credential_issued \
                     AND (attribute_not_exists(report){replaced})"
                ),
            )
            .value(":token_id", string(token_id))
            .value(":report", string(name(*report)))
            .value(":accepted", string(name(WalletReport::Accepted)))
            .value(":declined", string(name(WalletReport::Declined)))
        }
        Step::PurgeExpiredClaims => write(
            REMOVE_CLAIMS,
            &format!("{HAS_CLAIMS} AND erase_at_seconds <= :now"),
        ),
    };
    let write = match transition.created_at {
        Some(created_at) => write.value(":created_at", number(created_at.as_second())),
        None => write,
    };
    write
        .value(":now", number(transition.now.as_second()))
        .value(":one", number(1))
        .value(":maximum", number(MAXIMUM_TX_CODE_ATTEMPTS))
        .value(":created", string("created"))
        .value(":retrieved", string("retrieved"))
        .value(":exhausted", string("tx_code_exhausted"))
        .value(":token_issued", string("token_issued"))
        .value(":credential_issued", string("credential_issued"))
}

fn name(report: WalletReport) -> &'static str {
    report.into()
}
