//! How an offer moves on: each step is one conditional write, so that of two at the same time only one counts.
//!
//! The store executes a step as a single update on the condition [`Transition::is_allowed`], with the change
//! [`Transition::apply`]. If the condition fails, it reports the offer as it stands.

use jiff::Timestamp;

use crate::access_token::AccessToken;
use crate::offer::{
    IssuedCredential, IssuedToken, MAXIMUM_TX_CODE_ATTEMPTS, Offer, OfferId, OfferState,
    WalletReport, whole_seconds,
};

/// One conditional write.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Transition {
    /// Key of the item.
    pub offer_id: OfferId,
    /// Which offer of that key; none where any will do.
    pub created_at: Option<Timestamp>,
    /// When.
    pub now: Timestamp,
    /// What happens.
    pub step: Step,
}

/// What happens to an offer. Steps with content are made in this crate alone, by who has checked what they need.
#[derive(Debug, Clone)]
pub enum Step {
    /// It is fetched by whoever opens the link.
    Retrieve,
    /// A transaction code is about to be compared. Counted before, so that guesses made in parallel are counted too.
    CountTxCodeAttempt,
    /// The last try was wrong: the offer dies.
    ExhaustTxCode,
    /// The code is redeemed.
    #[non_exhaustive]
    RedeemCode {
        /// The token to record.
        token: IssuedToken,
    },
    /// The credential is signed, and goes out once this is written.
    #[non_exhaustive]
    IssueCredential {
        /// For which token.
        token_id: String,
        /// RFC 7638 thumbprint of the key to bind to.
        holder_thumbprint: String,
    },
    /// The wallet reports what became of the credential.
    #[non_exhaustive]
    RecordReport {
        /// By which token.
        token_id: String,
        /// What to record.
        report: WalletReport,
    },
    /// The claims have served their time. What became of the issuance, and when, is told without them.
    PurgeExpiredClaims,
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The condition held: the offer after the change.
    Applied(Offer),
    /// The condition did not hold: the offer as it stands, or none if there is no such item.
    Refused(Option<Offer>),
}

impl Written {
    /// The offer as it stands, whether or not by this write.
    pub const fn offer(&self) -> Option<&Offer> {
        match self {
            Self::Applied(offer) => Some(offer),
            Self::Refused(offer) => offer.as_ref(),
        }
    }
}

impl Transition {
    /// The offer was fetched.
    pub const fn retrieve(offer_id: OfferId, now: Timestamp) -> Self {
        Self {
            offer_id,
            created_at: None,
            now,
            step: Step::Retrieve,
        }
    }

    /// The claims are to be erased, if they are [due](Offer::erase_at).
    pub const fn purge_expired_claims(offer_id: OfferId, now: Timestamp) -> Self {
        Self {
            offer_id,
            created_at: None,
            now,
            step: Step::PurgeExpiredClaims,
        }
    }

    /// A step of the offer that a token is for.
    pub(crate) fn of(token: &AccessToken, now: Timestamp, step: Step) -> Self {
        Self {
            offer_id: token.offer_id.clone(),
            created_at: Some(token.created_at),
            now,
            step,
        }
    }

    /// The condition of the write. An item that does not exist never meets it.
    pub fn is_allowed(&self, offer: &Offer) -> bool {
        let is_this = self.created_at.is_none_or(|at| at == offer.created_at);
        is_this
            && match &self.step {
                Step::Retrieve => offer.state == OfferState::Created,
                Step::CountTxCodeAttempt => {
                    offer.is_open(self.now) && offer.tx_code_attempts < MAXIMUM_TX_CODE_ATTEMPTS
                }
                Step::ExhaustTxCode => {
                    matches!(offer.state, OfferState::Created | OfferState::Retrieved)
                        && offer.tx_code_attempts >= MAXIMUM_TX_CODE_ATTEMPTS
                }
                Step::RedeemCode { .. } => {
                    offer.is_open(self.now) && offer.encrypted_claims.is_some()
                }
                Step::IssueCredential { token_id, .. } => match &offer.state {
                    OfferState::TokenIssued(token) => {
                        token.token_id == *token_id
                            && self.now < token.expires_at
                            && offer.encrypted_claims.is_some()
                    }
                    _ => false,
                },
                Step::RecordReport { token_id, report } => match &offer.state {
                    OfferState::CredentialIssued(issued) => {
                        let replaces = |earlier| report.replaces().contains(&earlier);
                        issued.token.token_id == *token_id && issued.report.is_none_or(replaces)
                    }
                    _ => false,
                },
                Step::PurgeExpiredClaims => offer.erase_at().is_some_and(|due| due <= self.now),
            }
    }

    /// What the write changes. Only called for an offer that meets the condition.
    pub fn apply(&self, offer: &mut Offer) {
        let now = whole_seconds(self.now);
        match (&self.step, &mut offer.state) {
            (Step::CountTxCodeAttempt, _) => return offer.tx_code_attempts += 1,
            (Step::PurgeExpiredClaims, _) => return offer.encrypted_claims = None,
            (Step::Retrieve, state) => *state = OfferState::Retrieved,
            (Step::ExhaustTxCode, state) => {
                *state = OfferState::TxCodeExhausted;
                offer.encrypted_claims = None;
            }
            (Step::RedeemCode { token }, state) => *state = OfferState::TokenIssued(token.clone()),
            (
                Step::IssueCredential {
                    holder_thumbprint, ..
                },
                OfferState::TokenIssued(token),
            ) => {
                offer.state = OfferState::CredentialIssued(IssuedCredential {
                    token: token.clone(),
                    holder_thumbprint: holder_thumbprint.clone(),
                    issued_at: now,
                    report: None,
                });
            }
            (Step::RecordReport { report, .. }, OfferState::CredentialIssued(issued)) => {
                issued.report = Some(*report);
                if report.erases_claims() {
                    offer.encrypted_claims = None;
                }
            }
            (Step::IssueCredential { .. } | Step::RecordReport { .. }, _) => return,
        }
        offer.changed_at = now;
    }
}

impl WalletReport {
    /// Which earlier reports this one replaces. A declined credential may be taken in a second try,
    /// and an accepted one deleted; nothing else leads back.
    pub const fn replaces(self) -> &'static [Self] {
        match self {
            Self::Declined => &[],
            Self::Accepted => &[Self::Declined],
            Self::Deleted => &[Self::Declined, Self::Accepted],
        }
    }

    /// Whether the claims go with this report: unless the credential was declined, and the wallet may try once more.
    pub fn erases_claims(self) -> bool {
        self != Self::Declined
    }
}
