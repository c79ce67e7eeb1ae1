//! What the wallet stores of an offer.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bestow_contract::CorrelationId;
use serde::{Deserialize, Serialize};

use crate::revocation::RevocationUuid;

/// Seconds for which an offer can be taken, where nothing else was chosen.
pub const OFFER_LIFETIME_SECONDS: i64 = 15 * 60;

/// Tries that a customer has to type the transaction code. After that the offer is dead
/// (OpenID4VCI 1.0 §13.6.3).
pub const MAXIMUM_TX_CODE_ATTEMPTS: u32 = 5;

/// Seconds after expiry at which an issuance is given up, and its claims are due to be erased. A request that
/// came in time, and is still being worked on, has ended by then: what a backend was told to be the end must
/// stay the end, and nobody's claims go while they are being signed.
pub(crate) const SETTLING_SECONDS: i64 = 60;

/// Seconds after which the stored offer may be purged: long after the issuance has ended, and long before the
/// backend forgets it, which alone remembers what was started.
const RETENTION_SECONDS: i64 = 30 * 24 * 60 * 60;

/// One offer, one item. All members are plain strings, numbers and, for `tx_code`, an object.
///
/// Serialised it is flat: `state` is the name of the [`OfferState`], whose members stand beside it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Key of the item.
    pub offer_id: OfferId,
    /// Unix time of the start. Distinguishes an offer from an earlier one of the same correlation id.
    pub created_at_seconds: i64,
    /// Unix time from which the offer can no longer be taken.
    pub code_expires_at_seconds: i64,
    /// Whose issuance this is, in the backend's words.
    pub correlation_id: CorrelationId,
    /// What is issued.
    pub template_id: String,
    /// The claims. They go with the wallet's report that it keeps or has deleted the credential, with
    /// the last wrong transaction code, and else by [`PurgeExpiredClaims`](crate::PurgeExpiredClaims) when they are
    /// [due](Offer::erase_at_seconds).
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
    /// Unix time of the last change of `state`.
    pub changed_at_seconds: i64,
    /// How far it has come.
    #[serde(flatten)]
    pub state: OfferState,
}

/// How far an offer has come. What may follow what is said by the
/// [`Transition`](crate::Transition)s.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedToken {
    /// Which token; random. The token itself is not stored.
    pub token_id: String,
    /// Unix time from which the token is of no use.
    pub token_expires_at_seconds: i64,
}

/// The one credential of an offer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCredential {
    /// The token that it was issued for.
    #[serde(flatten)]
    pub token: IssuedToken,
    /// RFC 7638 thumbprint of the key that it is bound to.
    pub holder_thumbprint: String,
    /// Unix time of the first issuance. A repeat is dated the same.
    pub credential_issued_at_seconds: i64,
    /// What the wallet reported last, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<WalletReport>,
}

/// What a wallet reports of a credential that it was given (OpenID4VCI 1.0 §11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WalletReport {
    /// `credential_accepted`: it is kept.
    Accepted,
    /// `credential_failure`: it was declined or could not be kept.
    Declined,
    /// `credential_deleted`: the user deleted it.
    Deleted,
}

impl Offer {
    /// Unix time from which nothing can be had by this offer any more: it has expired, or the token has
    /// with which a lost answer could be asked for again.
    pub(crate) const fn of_use_until_seconds(&self) -> i64 {
        match &self.state {
            OfferState::Created | OfferState::Retrieved => self.code_expires_at_seconds,
            OfferState::TxCodeExhausted => self.changed_at_seconds,
            OfferState::TokenIssued(token)
            | OfferState::CredentialIssued(IssuedCredential { token, .. }) => {
                token.token_expires_at_seconds
            }
        }
    }

    /// Unix time from which the claims are to be erased; none once they are gone. By then no wallet can have
    /// anything by them: the offer has expired, or the token with which a lost answer could be asked for
    /// again, and no request is under way that came in time.
    ///
    /// At most [`TOKEN_LIFETIME_SECONDS`](crate::TOKEN_LIFETIME_SECONDS) and a minute after the credential was
    /// issued, and a minute after an expiry.
    #[must_use]
    pub fn erase_at_seconds(&self) -> Option<i64> {
        let of_use_until_seconds = self.of_use_until_seconds();
        self.encrypted_claims
            .as_ref()
            .map(|_| of_use_until_seconds + SETTLING_SECONDS)
    }

    /// Unix time from which the whole item may go: the value of the table's TTL attribute.
    #[must_use]
    pub const fn purge_at_seconds(&self) -> i64 {
        self.created_at_seconds + RETENTION_SECONDS
    }

    /// Whether the code could be redeemed at `now_seconds` as far as state and time go.
    #[must_use]
    pub fn is_open(&self, now_seconds: i64) -> bool {
        matches!(self.state, OfferState::Created | OfferState::Retrieved)
            && now_seconds < self.code_expires_at_seconds
    }
}

/// Shows where the offer is, not what is in it.
impl fmt::Debug for Offer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Offer")
            .field("correlation_id", &self.correlation_id)
            .field("template_id", &self.template_id)
            .field("created_at_seconds", &self.created_at_seconds)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for OfferState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Created => "Created",
            Self::Retrieved => "Retrieved",
            Self::TxCodeExhausted => "TxCodeExhausted",
            Self::TokenIssued(_) => "TokenIssued",
            Self::CredentialIssued(_) => "CredentialIssued",
        })
    }
}

/// The name of an offer: 128 bits that follow from the request that it was made for, and cannot be guessed.
/// 22 characters of base64url.
///
/// Whoever knows it can take an offer without a transaction code, so it is redacted like a secret.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OfferId(String);

/// The text is not 128 bits in base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an offer id")]
pub struct OfferIdError;

impl OfferId {
    const BYTES: usize = 16;

    /// The one offer of a request: the first 128 bits of the SHA-256 of its keyed hash, `request_hash`, which
    /// nobody can guess. It needs no key, so it stays the same whatever secret is rotated.
    #[must_use]
    pub fn of(request_hash: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"bestow: offer of a start request, version 1\n");
        context.update(request_hash.as_bytes());
        let digest = context.finish();
        let bytes: Vec<u8> = digest.as_ref().iter().take(Self::BYTES).copied().collect();
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OfferId {
    type Err = OfferIdError;

    fn from_str(text: &str) -> Result<Self, OfferIdError> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == Self::BYTES => Ok(Self(text.to_owned())),
            _ => Err(OfferIdError),
        }
    }
}

impl TryFrom<String> for OfferId {
    type Error = OfferIdError;

    fn try_from(text: String) -> Result<Self, OfferIdError> {
        text.parse()
    }
}

impl From<OfferId> for String {
    fn from(id: OfferId) -> Self {
        id.0
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
