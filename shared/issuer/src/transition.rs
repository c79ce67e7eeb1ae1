//! How an offer moves on: each step is one conditional write, so that of two at the same time only one counts.
//!
//! The store executes a step as a single update on the condition [`Transition::is_allowed`], with the change
//! [`Transition::apply`]. If the condition fails, it reports the offer as it stands. In each step, `offer_id` is the
//! key of the item, `created_at` says which offer of that key, and `now` is the time of the step.

#![allow(missing_docs, reason = "the fields are said above")]

use jiff::Timestamp;

use crate::offer::{
    IssuedCredential, IssuedToken, MAXIMUM_TX_CODE_ATTEMPTS, Offer, OfferId, OfferState, SETTLING,
    WalletReport, whole_seconds,
};

/// One conditional write.
pub trait Transition {
    /// Key of the item.
    fn offer_id(&self) -> &OfferId;

    /// The condition of the write. An item that does not exist never meets it.
    fn is_allowed(&self, offer: &Offer) -> bool;

    /// What the write changes. Only called for an offer that meets the condition.
    fn apply(&self, offer: &mut Offer);
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

/// The offer was fetched by whoever opened the link.
#[derive(Debug, Clone)]
pub struct RetrieveOffer {
    pub offer_id: OfferId,
    pub now: Timestamp,
}

impl Transition for RetrieveOffer {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer.state == OfferState::Created
    }

    fn apply(&self, offer: &mut Offer) {
        offer.state = OfferState::Retrieved;
        offer.changed_at = whole_seconds(self.now);
    }
}

/// A transaction code is about to be compared. Counted before, so that guesses made in parallel are counted too.
#[derive(Debug, Clone)]
pub struct CountTxCodeAttempt {
    pub offer_id: OfferId,
    pub created_at: Timestamp,
    pub now: Timestamp,
}

impl Transition for CountTxCodeAttempt {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer.created_at == self.created_at
            && offer.is_open(self.now)
            && offer.tx_code_attempts < MAXIMUM_TX_CODE_ATTEMPTS
    }

    fn apply(&self, offer: &mut Offer) {
        offer.tx_code_attempts += 1;
    }
}

/// The last try was wrong: the offer dies.
#[derive(Debug, Clone)]
pub struct ExhaustTxCode {
    pub offer_id: OfferId,
    pub created_at: Timestamp,
    pub now: Timestamp,
}

impl Transition for ExhaustTxCode {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer.created_at == self.created_at
            && matches!(offer.state, OfferState::Created | OfferState::Retrieved)
            && offer.tx_code_attempts >= MAXIMUM_TX_CODE_ATTEMPTS
    }

    fn apply(&self, offer: &mut Offer) {
        offer.state = OfferState::TxCodeExhausted;
        offer.encrypted_claims = None;
        offer.changed_at = whole_seconds(self.now);
    }
}

/// The code is redeemed. Made by [`crate::Redemption`] only, after the transaction code, if any.
#[derive(Clone)]
#[non_exhaustive]
pub struct RedeemCode {
    pub offer_id: OfferId,
    pub created_at: Timestamp,
    pub now: Timestamp,
    pub token: IssuedToken,
}

impl RedeemCode {
    /// When the claims are due afterwards: [`Offer::erase_at`].
    pub fn erase_at(&self) -> Timestamp {
        self.token.expires_at + SETTLING
    }
}

impl Transition for RedeemCode {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer.created_at == self.created_at
            && offer.is_open(self.now)
            && offer.encrypted_claims.is_some()
    }

    fn apply(&self, offer: &mut Offer) {
        offer.state = OfferState::TokenIssued(self.token.clone());
        offer.changed_at = whole_seconds(self.now);
    }
}

/// The credential is issued: it is signed, and goes out once this is written. Made by [`crate::SignedCredential`] only.
#[derive(Clone)]
#[non_exhaustive]
pub struct IssueCredential {
    pub offer_id: OfferId,
    pub created_at: Timestamp,
    pub token_id: String,
    /// RFC 7638 thumbprint of the key to bind to.
    pub holder_thumbprint: String,
    pub now: Timestamp,
}

impl Transition for IssueCredential {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        let OfferState::TokenIssued(token) = &offer.state else {
            return false;
        };
        token.token_id == self.token_id
            && self.now < token.expires_at
            && offer.created_at == self.created_at
            && offer.encrypted_claims.is_some()
    }

    fn apply(&self, offer: &mut Offer) {
        if let OfferState::TokenIssued(token) = &offer.state {
            let now = whole_seconds(self.now);
            offer.state = OfferState::CredentialIssued(IssuedCredential {
                token: token.clone(),
                holder_thumbprint: self.holder_thumbprint.clone(),
                issued_at: now,
                report: None,
            });
            offer.changed_at = now;
        }
    }
}

/// The wallet reports what became of the credential.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordReport {
    pub offer_id: OfferId,
    pub created_at: Timestamp,
    pub token_id: String,
    pub report: WalletReport,
    pub now: Timestamp,
}

impl RecordReport {
    /// Which earlier reports this one replaces. A declined credential may be taken in a second try,
    /// and an accepted one deleted; nothing else leads back.
    pub const fn replaces(&self) -> &'static [WalletReport] {
        match self.report {
            WalletReport::Declined => &[],
            WalletReport::Accepted => &[WalletReport::Declined],
            WalletReport::Deleted => &[WalletReport::Declined, WalletReport::Accepted],
        }
    }

    /// Whether the claims go with this report: unless the credential was declined, and the wallet may try once more.
    pub fn erases_claims(&self) -> bool {
        self.report != WalletReport::Declined
    }
}

impl Transition for RecordReport {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        let OfferState::CredentialIssued(issued) = &offer.state else {
            return false;
        };
        offer.created_at == self.created_at
            && issued.token.token_id == self.token_id
            && issued
                .report
                .is_none_or(|report| self.replaces().contains(&report))
    }

    fn apply(&self, offer: &mut Offer) {
        if let OfferState::CredentialIssued(issued) = &mut offer.state {
            issued.report = Some(self.report);
            offer.changed_at = whole_seconds(self.now);
            if self.erases_claims() {
                offer.encrypted_claims = None;
            }
        }
    }
}

/// The claims have served their time. What became of the issuance, and when, is told without them.
#[derive(Debug, Clone)]
pub struct PurgeExpiredClaims {
    pub offer_id: OfferId,
    pub now: Timestamp,
}

impl Transition for PurgeExpiredClaims {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer.erase_at().is_some_and(|due| due <= self.now)
    }

    fn apply(&self, offer: &mut Offer) {
        offer.encrypted_claims = None;
    }
}
