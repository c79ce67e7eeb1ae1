//! Start issue, on the wallet's side: a backend's request becomes an offer.

use bestow_contract::{CorrelationId, FieldError, Problem, StartIssue, StartIssueAnswer};
use jiff::Timestamp;

use crate::issuer::CredentialOffers;
use crate::offer::{Offer, OfferId, OfferState, whole_seconds};
use crate::revocation::{ListNumber, RevocationUuid};
use crate::template::{ClaimsRefused, IssueTemplateError};
use crate::tx_code;

/// The largest claims of one credential, as JSON, in bytes: they fit into one item of the store, with all else.
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
    /// The template cannot be used. Its fault is for the operator, not for the caller.
    UnusableTemplate(IssueTemplateError),
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
            CreateOfferError::UnusableTemplate(_) | CreateOfferError::Internal => Self::internal(),
        }
    }
}

impl CredentialOffers {
    /// Makes the offer that answers `request`, to be stored if there is none of this `offer_id` yet (else that is the
    /// one to answer with), together with a [`crate::StatusRecord`] at the place that [`Offer::revocation_uuid`] names,
    /// if the template has a status list. If the place is taken, see [`Offer::redraw_status`].
    ///
    /// `correlation_id` is the request's, or a new one; `list` is the status list that is being
    /// filled, which does not matter to a template [without](CredentialOffers::has_status_list).
    pub fn start(
        &self,
        request: &StartIssue,
        offer_id: OfferId,
        correlation_id: CorrelationId,
        list: ListNumber,
        random: [u8; 16],
        now: Timestamp,
    ) -> Result<Offer, CreateOfferError> {
        let template = self
            .templates
            .by_template_id(&request.template_id)
            .ok_or(CreateOfferError::UnknownTemplate)?;
        template
            .check_claims(request.claims.members())
            .map_err(|refused| match refused {
                ClaimsRefused::Rejected(faults) => {
                    CreateOfferError::ClaimsRejected(faults.into_iter().map(in_body).collect())
                }
                ClaimsRefused::Template(fault) => CreateOfferError::UnusableTemplate(fault),
            })?;

        let claims = serde_json::to_vec(&request.claims).map_err(|_| CreateOfferError::Internal)?;
        if claims.len() > MAXIMUM_CLAIMS_BYTES {
            return Err(CreateOfferError::ClaimsTooLarge);
        }
        let now = whole_seconds(now);
        let encrypted_claims = self
            .keys
            .encrypt_claims(&offer_id, now, &claims)
            .map_err(|_| CreateOfferError::Internal)?;
        Ok(Offer {
            offer_id,
            created_at: now,
            code_expires_at: now + self.offer_lifetime,
            correlation_id,
            template_id: request.template_id.clone(),
            encrypted_claims: Some(encrypted_claims),
            tx_code: request.tx_code.clone(),
            tx_code_attempts: 0,
            revocation_uuid: template
                .has_status_list()
                .then(|| RevocationUuid::draw(list, random)),
            changed_at: now,
            state: OfferState::Created,
        })
    }

    /// The answer of Start issue, the same each time for the same offer. `request` has the content of the one that made
    /// the offer. `status_uri` and `qr_uri` are left to the backend.
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
            revocation_uuid: offer.revocation_uuid.map(|uuid| uuid.uuid()),
            expires_at: u64::try_from(offer.code_expires_at.as_second()).ok(),
        }
    }
}

fn in_body(fault: FieldError) -> FieldError {
    FieldError::new(format!("/claims{}", fault.pointer), fault.reason)
}
