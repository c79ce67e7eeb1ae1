//! Start issue, on the wallet's side: a backend's request becomes an offer.

use bestow_contract::{Claims, CorrelationId, FieldError, Problem, StartIssue, StartIssueAnswer};
use serde_json::{Map, Value};

use crate::claims;
use crate::issuer::CredentialOffers;
use crate::offer::{Offer, OfferId, OfferState};
use crate::revocation::{ListNumber, RevocationUuid};
use crate::tx_code;

/// The largest claims of one credential, as JSON, in bytes. A wallet stores and shows them; and with
/// room for everything else they fit into one item of the store.
pub const MAXIMUM_CLAIMS_BYTES: usize = 64 * 1024;

/// Why a start was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateOfferError {
    /// No such template.
    UnknownTemplate,
    /// The template does not take these claims. Pointers begin with `/claims`; no value is quoted.
    ClaimsRejected(Vec<FieldError>),
    /// More than [`MAXIMUM_CLAIMS_BYTES`].
    ClaimsTooLarge,
    /// Our own fault.
    Internal,
}

impl From<CreateOfferError> for Problem {
    fn from(refused: CreateOfferError) -> Self {
        match refused {
            CreateOfferError::UnknownTemplate => {
                Self::not_found("There is no credential issue template with this template_id.")
            }
            CreateOfferError::ClaimsRejected(faults) => Self::claims_rejected(faults),
            CreateOfferError::ClaimsTooLarge => Self::new(
                bestow_contract::ProblemKind::TooLarge,
                format!(
                    "The claims are too large: at most {MAXIMUM_CLAIMS_BYTES} bytes of JSON are taken."
                ),
            ),
            CreateOfferError::Internal => Self::internal(),
        }
    }
}

impl CredentialOffers {
    /// Makes the offer that answers `request`, to be stored if there is none of this `offer_id` yet; together
    /// with it, if the template has a status list, a [`crate::StatusRecord`] at the place that
    /// [`Offer::revocation_uuid`] names, if that is free. If it is taken, see [`Offer::redraw_status`].
    ///
    /// If there is an offer of this id already, it was made for the same request: that is the one to answer with.
    ///
    /// `correlation_id` is the request's, or a new one; `list` is the status list that is being
    /// filled, which does not matter to a template [without](CredentialOffers::has_status_list).
    ///
    /// # Errors
    /// As [`CreateOfferError`] says.
    pub fn start(
        &self,
        request: &StartIssue,
        offer_id: OfferId,
        correlation_id: CorrelationId,
        list: ListNumber,
        random: [u8; 16],
        now_seconds: i64,
    ) -> Result<Offer, CreateOfferError> {
        let template = self
            .templates
            .by_template_id(&request.template_id)
            .ok_or(CreateOfferError::UnknownTemplate)?;
        template
            .check_claims(request.claims.members())
            .map_err(|faults| {
                CreateOfferError::ClaimsRejected(faults.into_iter().map(in_body).collect())
            })?;

        let plaintext =
            serde_json::to_vec(&request.claims).map_err(|_| CreateOfferError::Internal)?;
        if plaintext.len() > MAXIMUM_CLAIMS_BYTES {
            return Err(CreateOfferError::ClaimsTooLarge);
        }
        let encrypted_claims = claims::encrypt(&self.keys, &offer_id, now_seconds, &plaintext)
            .ok_or(CreateOfferError::Internal)?;
        Ok(Offer {
            offer_id,
            created_at_seconds: now_seconds,
            code_expires_at_seconds: now_seconds + self.offer_lifetime_seconds,
            correlation_id,
            template_id: request.template_id.clone(),
            encrypted_claims: Some(encrypted_claims),
            tx_code: request.tx_code.clone(),
            tx_code_attempts: 0,
            revocation_uuid: template
                .has_status_list()
                .then(|| RevocationUuid::draw(list, random)),
            changed_at_seconds: now_seconds,
            state: OfferState::Created,
        })
    }

    /// The answer of Start issue, the same each time for the same offer. `request` is the request at
    /// hand, which has the same content as the one that made the offer. Its `status_uri` is empty and it has no
    /// `qr_uri`: both are the backend's.
    #[must_use]
    pub fn start_answer(&self, offer: &Offer, request: &StartIssue) -> StartIssueAnswer {
        // The link that opens the customer's wallet with the offer, by reference (OpenID4VCI 1.0 §4.1).
        let offer_url = self.identifier.offer_url(&offer.offer_id);
        StartIssueAnswer {
            correlation_id: offer.correlation_id.clone(),
            request_uri: bestow_contract::request_uri(
                request.request_uri_base.as_ref(),
                &offer_url,
            ),
            status_uri: String::new(),
            qr_uri: None,
            tx_code: tx_code::of(&self.keys, offer),
            revocation_uuid: offer.revocation_uuid.map(RevocationUuid::into),
            expires_at: u64::try_from(offer.code_expires_at_seconds).ok(),
        }
    }

    /// The claims of an offer; none once they were erased.
    pub(crate) fn claims(&self, offer: &Offer) -> Option<Map<String, Value>> {
        let encrypted = offer.encrypted_claims.as_ref()?;
        let plaintext = claims::decrypt(
            &self.keys,
            &offer.offer_id,
            offer.created_at_seconds,
            encrypted,
        )?;
        let claims: Claims = serde_json::from_slice(&plaintext).ok()?;
        Some(claims.into())
    }
}

impl Offer {
    /// Draws another place on a status list, because the first was taken. Only before the offer was
    /// stored.
    #[must_use]
    pub fn redraw_status(self, list: ListNumber, random: [u8; 16]) -> Self {
        Self {
            revocation_uuid: self
                .revocation_uuid
                .map(|_| RevocationUuid::draw(list, random)),
            ..self
        }
    }
}

fn in_body(fault: FieldError) -> FieldError {
    FieldError::new(format!("/claims{}", fault.pointer), fault.reason)
}
