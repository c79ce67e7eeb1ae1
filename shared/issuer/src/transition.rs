//! How an offer moves on: each step is one conditional write, so that of two at the same time only one
//! counts.
//!
//! A step says when it is allowed and what it changes. The store executes it as a single conditional
//! update whose condition is the step's [`Transition::is_allowed`], and whose result is the offer after
//! it. If the condition fails, the store reports the offer as it stands, from which the step's owner
//! tells the refusal.

use crate::offer::{
    IssuedCredential, IssuedToken, MAXIMUM_TX_CODE_ATTEMPTS, Offer, OfferId, OfferState,
    SETTLING_SECONDS, WalletReport,
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
    #[must_use]
    pub const fn offer(&self) -> Option<&Offer> {
        match self {
            Self::Applied(offer) => Some(offer),
            Self::Refused(offer) => offer.as_ref(),
        }
    }
}

/// The offer was fetched by a wallet (or by whoever opened the link).
///
/// Condition: `state = created`.
/// Change: `state = retrieved`, `changed_at_seconds`.
#[derive(Debug, Clone)]
pub struct RetrieveOffer {
    /// Key of the item.
    pub offer_id: OfferId,
    /// Unix time.
    pub now_seconds: i64,
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
        offer.changed_at_seconds = self.now_seconds;
    }
}

/// A transaction code is about to be compared. Counted before, so that guesses made in parallel are
/// counted too.
///
/// Condition: `created_at_seconds` equal, `state` is created or retrieved,
/// `now_seconds < code_expires_at_seconds`, `tx_code_attempts < 5`.
/// Change: `tx_code_attempts + 1`.
#[derive(Debug, Clone)]
pub struct CountTxCodeAttempt {
    /// Key of the item.
    pub offer_id: OfferId,
    /// Which offer of that key.
    pub created_at_seconds: i64,
    /// Unix time.
    pub now_seconds: i64,
}

impl Transition for CountTxCodeAttempt {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer.created_at_seconds == self.created_at_seconds
            && offer.is_open(self.now_seconds)
            && offer.tx_code_attempts < MAXIMUM_TX_CODE_ATTEMPTS
    }

    fn apply(&self, offer: &mut Offer) {
        offer.tx_code_attempts += 1;
    }
}

/// The last try was wrong: the offer dies.
///
/// Condition: `created_at_seconds` equal, `state` is created or retrieved, `tx_code_attempts >= 5`.
/// Change: `state = tx_code_exhausted`, `changed_at_seconds`, `encrypted_claims` removed.
#[derive(Debug, Clone)]
pub struct ExhaustTxCode {
    /// Key of the item.
    pub offer_id: OfferId,
    /// Which offer of that key.
    pub created_at_seconds: i64,
    /// Unix time.
    pub now_seconds: i64,
}

impl Transition for ExhaustTxCode {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer.created_at_seconds == self.created_at_seconds
            && matches!(offer.state, OfferState::Created | OfferState::Retrieved)
            && offer.tx_code_attempts >= MAXIMUM_TX_CODE_ATTEMPTS
    }

    fn apply(&self, offer: &mut Offer) {
        offer.state = OfferState::TxCodeExhausted;
        offer.encrypted_claims = None;
        offer.changed_at_seconds = self.now_seconds;
    }
}

/// The code is redeemed. Made by [`crate::Redemption`] only, after the transaction code, if any.
///
/// Condition: `created_at_seconds` equal, `state` is created or retrieved,
/// `now_seconds < code_expires_at_seconds`, `encrypted_claims` exists.
/// Change: `state = token_issued`, `token_id`, `token_expires_at_seconds`, `changed_at_seconds`; and with
/// the token's end, when the claims are [due](Offer::erase_at_seconds).
#[derive(Clone)]
pub struct RedeemCode {
    pub(crate) offer_id: OfferId,
    pub(crate) created_at_seconds: i64,
    pub(crate) now_seconds: i64,
    pub(crate) token: IssuedToken,
}

impl RedeemCode {
    /// Which offer of that key.
    #[must_use]
    pub const fn created_at_seconds(&self) -> i64 {
        self.created_at_seconds
    }

    /// Unix time.
    #[must_use]
    pub const fn now_seconds(&self) -> i64 {
        self.now_seconds
    }

    /// The token to record.
    #[must_use]
    pub const fn token(&self) -> &IssuedToken {
        &self.token
    }

    /// When the claims are due afterwards: [`Offer::erase_at_seconds`].
    #[must_use]
    pub const fn erase_at_seconds(&self) -> i64 {
        self.token.token_expires_at_seconds + SETTLING_SECONDS
    }
}

impl Transition for RedeemCode {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer.created_at_seconds == self.created_at_seconds
            && offer.is_open(self.now_seconds)
            && offer.encrypted_claims.is_some()
    }

    fn apply(&self, offer: &mut Offer) {
        offer.state = OfferState::TokenIssued(self.token.clone());
        offer.changed_at_seconds = self.now_seconds;
    }
}

/// The credential is issued: it is signed, and goes out once this is written. Made by
/// [`crate::SignedCredential`] only.
///
/// Condition: `created_at_seconds` equal, `token_id` equal, `now_seconds < token_expires_at_seconds`,
/// `encrypted_claims` exists, `state = token_issued`.
/// Change: `state = credential_issued`, `holder_thumbprint`, `credential_issued_at_seconds` and
/// `changed_at_seconds`.
#[derive(Clone)]
pub struct IssueCredential {
    pub(crate) offer_id: OfferId,
    pub(crate) created_at_seconds: i64,
    pub(crate) token_id: String,
    pub(crate) holder_thumbprint: String,
    pub(crate) now_seconds: i64,
}

impl IssueCredential {
    /// Which offer of that key.
    #[must_use]
    pub const fn created_at_seconds(&self) -> i64 {
        self.created_at_seconds
    }

    /// Which token.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// RFC 7638 thumbprint of the key to bind to.
    #[must_use]
    pub fn holder_thumbprint(&self) -> &str {
        &self.holder_thumbprint
    }

    /// Unix time.
    #[must_use]
    pub const fn now_seconds(&self) -> i64 {
        self.now_seconds
    }
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
            && self.now_seconds < token.token_expires_at_seconds
            && offer.created_at_seconds == self.created_at_seconds
            && offer.encrypted_claims.is_some()
    }

    fn apply(&self, offer: &mut Offer) {
        if let OfferState::TokenIssued(token) = &offer.state {
            offer.state = OfferState::CredentialIssued(IssuedCredential {
                token: token.clone(),
                holder_thumbprint: self.holder_thumbprint.clone(),
                credential_issued_at_seconds: self.now_seconds,
                report: None,
            });
            offer.changed_at_seconds = self.now_seconds;
        }
    }
}

/// The wallet reports what became of the credential.
///
/// Condition: `created_at_seconds` equal, `token_id` equal, `state = credential_issued`, and `report`
/// does not exist or is one that the new one [replaces](RecordReport::replaces).
/// Change: `report`, `changed_at_seconds`; `encrypted_claims` removed unless `declined` is reported,
/// because then the wallet may try once more.
#[derive(Clone)]
pub struct RecordReport {
    pub(crate) offer_id: OfferId,
    pub(crate) created_at_seconds: i64,
    pub(crate) token: IssuedToken,
    pub(crate) report: WalletReport,
    pub(crate) now_seconds: i64,
}

impl RecordReport {
    /// Which offer of that key.
    #[must_use]
    pub const fn created_at_seconds(&self) -> i64 {
        self.created_at_seconds
    }

    /// Which token.
    #[must_use]
    pub fn token_id(&self) -> &str {
        &self.token.token_id
    }

    /// What to record.
    #[must_use]
    pub const fn report(&self) -> WalletReport {
        self.report
    }

    /// Unix time.
    #[must_use]
    pub const fn now_seconds(&self) -> i64 {
        self.now_seconds
    }

    /// Which earlier reports this one replaces. A declined credential may be taken in a second try,
    /// and an accepted one deleted; nothing else leads back.
    #[must_use]
    pub const fn replaces(&self) -> &'static [WalletReport] {
        match self.report {
            WalletReport::Declined => &[],
            WalletReport::Accepted => &[WalletReport::Declined],
            WalletReport::Deleted => &[WalletReport::Declined, WalletReport::Accepted],
        }
    }

    /// Whether the claims go with this report.
    #[must_use]
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
        offer.created_at_seconds == self.created_at_seconds
            && issued.token.token_id == self.token.token_id
            && issued
                .report
                .is_none_or(|report| self.replaces().contains(&report))
    }

    fn apply(&self, offer: &mut Offer) {
        if let OfferState::CredentialIssued(issued) = &mut offer.state {
            issued.report = Some(self.report);
            offer.changed_at_seconds = self.now_seconds;
            if self.erases_claims() {
                offer.encrypted_claims = None;
            }
        }
    }
}

/// The claims have served their time. What became of the issuance is not touched, nor when: it is told
/// without them.
///
/// Condition: `encrypted_claims` exists, and its [time](Offer::erase_at_seconds) is
/// `<= now_seconds`. So a step that came first wins, also the one of another process whose write is only now seen.
/// Change: `encrypted_claims` removed.
#[derive(Debug, Clone)]
pub struct PurgeExpiredClaims {
    /// Key of the item.
    pub offer_id: OfferId,
    /// Unix time.
    pub now_seconds: i64,
}

impl Transition for PurgeExpiredClaims {
    fn offer_id(&self) -> &OfferId {
        &self.offer_id
    }

    fn is_allowed(&self, offer: &Offer) -> bool {
        offer
            .erase_at_seconds()
            .is_some_and(|due| due <= self.now_seconds)
    }

    fn apply(&self, offer: &mut Offer) {
        offer.encrypted_claims = None;
    }
}
