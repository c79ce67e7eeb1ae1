//! The Credential Offer (OpenID4VCI 1.0 §4.1.1), fetched by reference.

use std::fmt;

use bestow_contract::TxCodeInputMode;
use serde::{Deserialize, Serialize};

use crate::issuer::Issuer;
use crate::offer::{Offer, OfferId};
use crate::seal::Sealed;

/// Grant type of the pre-authorized code flow (OpenID4VCI 1.0 §4.1.1).
pub const PRE_AUTHORIZED_CODE: &str = "urn:ietf:params:oauth:grant-type:pre-authorized_code";

/// The content of a pre-authorized code.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PreAuthorizedCode {
    #[serde(rename = "o")]
    pub(crate) offer_id: OfferId,
    #[serde(rename = "c")]
    pub(crate) created_at_seconds: i64,
    #[serde(rename = "e")]
    pub(crate) expires_at_seconds: i64,
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
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CredentialOffer {
    credential_issuer: String,
    credential_configuration_ids: Vec<String>,
    grants: Grants,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct Grants {
    #[serde(rename = "urn:ietf:params:oauth:grant-type:pre-authorized_code")]
    pre_authorized_code: PreAuthorizedCodeGrant,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct PreAuthorizedCodeGrant {
    #[serde(rename = "pre-authorized_code")]
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tx_code: Option<TxCodeForm>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct TxCodeForm {
    input_mode: TxCodeInputMode,
    length: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl fmt::Debug for CredentialOffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CredentialOffer(redacted)")
    }
}

/// Why there is no Credential Offer to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialOfferError {
    /// No offer has this id. HTTP 404.
    #[error("there is no offer at this address")]
    Unknown,
    /// It was taken, or its time is over. HTTP 410.
    #[error("this offer has been taken already or has expired: ask for a new one")]
    Gone,
    /// Our own fault. HTTP 500.
    #[error("something went wrong here: try again")]
    Internal,
}

impl CredentialOfferError {
    /// The HTTP status to answer with.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Unknown => 404,
            Self::Gone => 410,
            Self::Internal => 500,
        }
    }
}

impl Issuer {
    /// The Credential Offer of an offer as it stands after [`crate::transition::RetrieveOffer`] was
    /// tried, which [`crate::transition::Written::offer`] tells. The same each time it is fetched.
    ///
    /// # Errors
    /// Once the code can no longer be redeemed.
    pub fn credential_offer(
        &self,
        offer: Option<&Offer>,
        now_seconds: i64,
    ) -> Result<CredentialOffer, CredentialOfferError> {
        let offer = offer.ok_or(CredentialOfferError::Unknown)?;
        if !offer.is_open(now_seconds) {
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
                created_at_seconds: offer.created_at_seconds,
                expires_at_seconds: offer.code_expires_at_seconds,
                template_id: offer.template_id.clone(),
                needs_tx_code: offer.tx_code.is_some(),
            })
            .map_err(|_| CredentialOfferError::Internal)?;
        Ok(CredentialOffer {
            credential_issuer: self.offers.identifier.to_string(),
            credential_configuration_ids: vec![template.configuration_id().to_owned()],
            grants: Grants {
                pre_authorized_code: PreAuthorizedCodeGrant {
                    code,
                    tx_code: offer.tx_code.as_ref().map(|form| TxCodeForm {
                        input_mode: form.input_mode,
                        length: form.length,
                        description: form.description.clone(),
                    }),
                },
            },
        })
    }
}
