//! The OpenID4VCI issuer's domain, for the pre-authorized code flow, as pure functions.
//!
//! Time, randomness and stored offers come in as arguments; answers, and the writes that must happen before them, go
//! out. An [`Issuer`] is the configuration; [`CredentialOffers`] is the part of it that starts issuances and needs no
//! signing key. Each operation is one of their methods:
//!
//! | operation | first | write | then |
//! |---|---|---|---|
//! | Start issue | [`CredentialOffers::start`] | offer and status record, both new | [`CredentialOffers::start_answer`] |
//! | Credential Offer | | [`Step::Retrieve`] | [`Issuer::credential_offer`] |
//! | Token | [`TokenRequest::parse`], [`Issuer::redeem`] | [`Step::CountTxCodeAttempt`], [`Step::RedeemCode`] | [`Redemption::conclude`] |
//! | Nonce | | | [`Issuer::nonce`] |
//! | Credential | [`Issuer::authorize`], [`CredentialRequest::parse`], [`Issuer::verify_request`]; with the stored offer [`VerifiedRequest::prepare`], [`UnsignedCredential::sign`] | [`Step::IssueCredential`] | [`SignedCredential::conclude`] |
//! | Notification | [`Issuer::authorize`], [`Issuer::notification`] | [`Step::RecordReport`] | [`AccessToken::conclude_notification`] |
//! | Get issue status | | | [`Offer::issue_status`] |
//! | Erasure of claims | what is due by [`Offer::erase_at`] | [`Step::PurgeExpiredClaims`] | |
//! | Credential status | [`StatusRecord::change`] | the record, and its entry in the list | [`StatusRecord::answer`] |
//! | Status list | | | [`Issuer::status_list_token`] |
//! | Metadata | | | [`Issuer::credential_issuer_metadata`] and its neighbours |
//!
//! Writes are [`Transition`]s: each is one conditional update of one item.

mod access_token;
mod claims;
mod credential_offer;
mod credential_request;
mod error;
mod issue_credential;
mod issuer;
mod keys;
mod media_type;
mod metadata;
mod nonce;
mod notification;
mod offer;
pub mod paths;
mod proof;
mod published_list;
mod revocation;
mod schema;
mod seal;
mod start;
mod status;
mod template;
mod token;
mod token_request;
mod transition;
mod tx_code;

pub use access_token::{AccessToken, TOKEN_LIFETIME};
/// The usual source of salts for [`VerifiedRequest::prepare`].
pub use bestow_credential::system_randomness;
pub use credential_offer::{CredentialOffer, CredentialOfferError, PRE_AUTHORIZED_CODE};
pub use credential_request::CredentialRequest;
pub use error::{ErrorCode, ProtocolError};
pub use issue_credential::{
    CredentialResponse, SignedCredential, UnsignedCredential, VerifiedRequest,
};
pub use issuer::{CredentialOffers, IdentifierError, Issuer, IssuerIdentifier};
pub use keys::{KeyError, MINIMUM_SECRET_LENGTH, WalletKeys};
pub use nonce::{NONCE_LIFETIME, NonceResponse};
pub use offer::{
    EncryptedClaims, IssuedCredential, IssuedToken, MAXIMUM_TX_CODE_ATTEMPTS, OFFER_LIFETIME,
    Offer, OfferId, OfferIdError, OfferState, WalletReport,
};
pub use published_list::{LIST_TTL, PublishError};
pub use revocation::{
    LIST_CAPACITY, ListNumber, ListNumberError, RevocationUuid, RevocationUuidError, StatusRecord,
    unknown_credential,
};
pub use start::{CreateOfferError, MAXIMUM_CLAIMS_BYTES};
pub use template::{
    ClaimDisplay, ClaimEntry, ClaimsRefused, CredentialDisplay, Image, IssueTemplateError,
    IssueTemplateErrors, Template, TemplateFile, Templates,
};
pub use token::{Redeem, Redemption, TokenResponse, TxCodeCheck, WrongTxCode};
pub use token_request::TokenRequest;
pub use transition::{Step, Transition, Written};
