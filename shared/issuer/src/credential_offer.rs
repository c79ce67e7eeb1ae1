//! The Credential Offer (OpenID4VCI 1.0 §4.1.1), fetched by reference.

use bestow_contract::TxCode;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::second;
use serde::{Deserialize, Serialize};

use crate::issuer::Issuer;
use crate::offer::{Offer, OfferId};
use crate::seal::Sealed;

/// Grant type of the pre-authorized code flow (OpenID4VCI 1.0 §4.1.1).
pub const PRE_AUTHORIZED_CODE: &str = "urn:ietf:params:oauth:grant-type:pre-authorized_code";

/// The content of a pre-authorized code.
#[derive(Serialize, Deserialize)]
pub(crate) struct PreAuthorizedCode {
    #[serde(rename = "o")]
    pub(crate) offer_id: OfferId,
    #[serde(rename = "c", with = "second::required")]
    pub(crate) created_at: Timestamp,
    #[serde(rename = "e", with = "second::required")]
    pub(crate) expires_at: Timestamp,
    #[serde(rename = "t")]
    pub(crate) template_id: String,
    #[serde(rename = "x")]
    pub(crate) needs_tx_code: bool,
}

impl Sealed for PreAuthorizedCode {
    const PURPOSE: &'static str = "pre-authorized code";
}

/// The answer to a wallet that follows the `credential_offer_uri`. Not to be cached, nor logged: it
/// holds the code.
#[derive(Serialize)]
pub struct CredentialOffer {
    credential_issuer: String,
    credential_configuration_ids: [String; 1],
    grants: Grants,
}

#[derive(Serialize)]
struct Grants {
    #[serde(rename = "urn:ietf:params:oauth:grant-type:pre-authorized_code")]
    pre_authorized_code: PreAuthorizedCodeGrant,
}

#[derive(Serialize)]
struct PreAuthorizedCodeGrant {
    #[serde(rename = "pre-authorized_code")]
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_code: Option<TxCode>,
}

/// Why there is no Credential Offer to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum CredentialOfferError {
    #[error("there is no offer at this address")]
    Unknown,
    #[error("this offer has been taken already or has expired: ask for a new one")]
    Gone,
    #[error("something went wrong here: try again")]
    Internal,
}

impl CredentialOfferError {
    /// The HTTP status to answer with.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Unknown => 404,
            Self::Gone => 410,
            Self::Internal => 500,
        }
    }
}

impl Issuer {
    /// The Credential Offer of an offer as it stands after [`crate::Step::Retrieve`] was tried. The same each time it is
    /// fetched.
    ///
    /// # Errors
    /// Once the code can no longer be redeemed.
    pub fn credential_offer(
        &self,
        offer: Option<&Offer>,
        now: Timestamp,
    ) -> Result<CredentialOffer, CredentialOfferError> {
        let offer = offer.ok_or(CredentialOfferError::Unknown)?;
        if !offer.is_open(now) {
            return Err(CredentialOfferError::Gone);
        }
        let template = self
            .offers
            .templates
            .by_template_id(&offer.template_id)
            .ok_or(CredentialOfferError::Gone)?;
        let code = self
            .offers
            .keys
            .seal(&PreAuthorizedCode {
                offer_id: offer.offer_id.clone(),
                created_at: offer.created_at,
                expires_at: offer.code_expires_at,
                template_id: offer.template_id.clone(),
                needs_tx_code: offer.tx_code.is_some(),
            })
            .map_err(|_| CredentialOfferError::Internal)?;
        Ok(CredentialOffer {
            credential_issuer: self.offers.identifier.to_string(),
            credential_configuration_ids: [template.configuration_id().to_owned()],
            grants: Grants {
                pre_authorized_code: PreAuthorizedCodeGrant {
                    code,
                    tx_code: offer.tx_code.clone(),
                },
            },
        })
    }
}
