//! What the wallet stores of an offer.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_contract::CorrelationId;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::second;
use serde::{Deserialize, Serialize};

use crate::revocation::RevocationUuid;

/// For how long an offer can be taken, where nothing else was chosen.
pub const OFFER_LIFETIME: Duration = Duration::from_mins(15);

/// Tries that a customer has to type the transaction code. After that the offer is dead
/// (OpenID4VCI 1.0 §13.6.3).
pub const MAXIMUM_TX_CODE_ATTEMPTS: u32 = 5;

/// Time after expiry at which an issuance is given up, and its claims are due to be erased. By then every request
/// that came in time has ended.
pub(crate) const SETTLING: Duration = Duration::from_secs(60);

/// Time after which the stored offer may be purged: long after the issuance has ended, and long before the backend
/// forgets it.
const RETENTION: Duration = Duration::from_hours(30 * 24);

/// One offer, one item. All times are whole seconds of Unix time. Serialised it is flat: `state` is the name of the
/// [`OfferState`], whose members stand beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Key of the item.
    pub offer_id: OfferId,
    /// When it was made. Distinguishes an offer from an earlier one of the same id.
    #[serde(rename = "created_at_seconds", with = "second::required")]
    pub created_at: Timestamp,
    /// From when the offer can no longer be taken.
    #[serde(rename = "code_expires_at_seconds", with = "second::required")]
    pub code_expires_at: Timestamp,
    /// Whose issuance this is, in the backend's words.
    pub correlation_id: CorrelationId,
    /// What is issued.
    pub template_id: String,
    /// The claims, until they are [due](Offer::erase_at), the wallet reports that it keeps or has deleted the
    /// credential, or the last transaction code was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted_claims: Option<EncryptedClaims>,
    /// The form of the transaction code, if one is needed. The code itself is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_code: Option<bestow_contract::TxCode>,
    /// How often a transaction code was tried.
    pub tx_code_attempts: u32,
    /// Names the credential's place on a status list, if its template has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_uuid: Option<RevocationUuid>,
    /// When `state` changed last.
    #[serde(rename = "changed_at_seconds", with = "second::required")]
    pub changed_at: Timestamp,
    /// How far it has come.
    #[serde(flatten)]
    pub state: OfferState,
}

/// How far an offer has come. The [`Transition`](crate::Transition)s say what may follow what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OfferState {
    /// Nobody has fetched it.
    Created,
    /// It was fetched at least once.
    Retrieved,
    /// The transaction code was wrong too often. Final.
    TxCodeExhausted,
    /// The code was redeemed.
    TokenIssued(IssuedToken),
    /// The credential was issued. Final, save for what the wallet reports.
    CredentialIssued(IssuedCredential),
}

/// The one access token of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// Which token; random. The token itself is not stored.
    pub token_id: String,
    /// From when the token is of no use.
    #[serde(rename = "token_expires_at_seconds", with = "second::required")]
    pub expires_at: Timestamp,
}

/// The one credential of an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCredential {
    /// The token that it was issued for.
    #[serde(flatten)]
    pub token: IssuedToken,
    /// RFC 7638 thumbprint of the key that it is bound to.
    pub holder_thumbprint: String,
    /// When it was issued first. A repeat is dated the same.
    #[serde(rename = "credential_issued_at_seconds", with = "second::required")]
    pub issued_at: Timestamp,
    /// What the wallet reported last, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<WalletReport>,
}

/// What a wallet reports of a credential that it was given (OpenID4VCI 1.0 §11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum WalletReport {
    /// `credential_accepted`: it is kept.
    Accepted,
    /// `credential_failure`: it was declined or could not be kept.
    Declined,
    /// `credential_deleted`: the user deleted it.
    Deleted,
}

impl IssuedToken {
    /// From when the claims of its offer are to be erased: [`Offer::erase_at`].
    pub fn erase_at(&self) -> Timestamp {
        self.expires_at + SETTLING
    }
}

impl Offer {
    /// From when nothing can be had by this offer any more: it has expired, or its token has.
    pub(crate) const fn usable_until(&self) -> Timestamp {
        match &self.state {
            OfferState::Created | OfferState::Retrieved => self.code_expires_at,
            OfferState::TxCodeExhausted => self.changed_at,
            OfferState::TokenIssued(token)
            | OfferState::CredentialIssued(IssuedCredential { token, .. }) => token.expires_at,
        }
    }

    /// From when the claims are to be erased: a minute after they can be of use to any wallet. None once they are
    /// gone.
    pub fn erase_at(&self) -> Option<Timestamp> {
        self.encrypted_claims.as_ref()?;
        Some(self.usable_until() + SETTLING)
    }

    /// From when the whole item may go: the value of the table's TTL attribute.
    pub fn purge_at(&self) -> Timestamp {
        self.created_at + RETENTION
    }

    /// Whether the code could be redeemed, as far as state and time go.
    pub fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.state, OfferState::Created | OfferState::Retrieved)
            && now < self.code_expires_at
    }

    /// Draws another place on a status list, because the first was taken. Only before the offer was
    /// stored.
    pub fn redraw_status(self, list: crate::ListNumber, random: [u8; 16]) -> Self {
        let redrawn = |_| RevocationUuid::draw(list, random);
        Self {
            revocation_uuid: self.revocation_uuid.map(redrawn),
            ..self
        }
    }
}

/// The time as it is stored and sealed.
pub(crate) fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The name of an offer: 128 bits that follow from the request that it was made for, and cannot be guessed.
/// 22 characters of base64url.
///
/// Whoever knows it can take an offer without a transaction code, so it is redacted like a secret.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct OfferId(String);

/// The text is not 128 bits in base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an offer id")]
pub struct OfferIdError;

impl OfferId {
    const BYTES: usize = 16;

    /// The one offer of a request: the first 128 bits of the SHA-256 of its keyed hash, `request_hash`, which
    /// nobody can guess. It needs no key, so it stays the same whatever secret is rotated.
    pub fn of(request_hash: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"bestow: offer of a start request, version 1\n");
        context.update(request_hash.as_bytes());
        let digest = context.finish();
        let bytes: Vec<u8> = digest.as_ref().iter().take(Self::BYTES).copied().collect();
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OfferId {
    type Err = OfferIdError;

    fn from_str(text: &str) -> Result<Self, OfferIdError> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for OfferId {
    type Error = OfferIdError;

    fn try_from(text: String) -> Result<Self, OfferIdError> {
        match URL_SAFE_NO_PAD.decode(&text) {
            Ok(bytes) if bytes.len() == Self::BYTES => Ok(Self(text)),
            _ => Err(OfferIdError),
        }
    }
}

impl fmt::Debug for OfferId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OfferId(redacted)")
    }
}

/// Claims under AES-256-GCM with the offer's own key, base64url.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EncryptedClaims(pub(crate) String);

impl fmt::Debug for EncryptedClaims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "EncryptedClaims({} characters)", self.0.len())
    }
}
