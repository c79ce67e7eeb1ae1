//! Start issue, on the wallet's side: a backend's request becomes an offer.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::{Claims, CorrelationId, Fault, Problem, StartIssue, StartIssueAnswer};
use serde_json::{Map, Value};

use crate::claims;
use crate::issuer::Issuer;
use crate::offer::{Offer, OfferId, OfferState, RequestHash};
use crate::revocation::{ListNumber, RevocationUuid};
use crate::{paths, tx_code};

/// The largest claims of one credential, as JSON, in bytes. A wallet stores and shows them; and with
/// room for everything else they fit into one item of the store.
pub const MAXIMUM_CLAIMS_BYTES: usize = 64 * 1024;

/// Why a start was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartRefused {
    /// No such template.
    UnknownTemplate,
    /// The template does not take these claims. Pointers begin with `/claims`; no value is quoted.
    ClaimsRejected(Vec<Fault>),
    /// More than [`MAXIMUM_CLAIMS_BYTES`].
    ClaimsTooLarge,
    /// The correlation id is another request's.
    Conflict,
    /// Our own fault.
    Internal,
}

impl From<StartRefused> for Problem {
    fn from(refused: StartRefused) -> Self {
        match refused {
            StartRefused::UnknownTemplate => {
                Self::not_found("There is no credential issue template with this template_id.")
            }
            StartRefused::ClaimsRejected(faults) => Self::claims_rejected(faults),
            StartRefused::ClaimsTooLarge => Self::new(
                contract::ProblemKind::TooLarge,
                format!(
                    "The claims are too large: at most {MAXIMUM_CLAIMS_BYTES} bytes of JSON are taken."
                ),
            ),
            StartRefused::Conflict => Self::conflict(
                "This correlation_id was used for another request: choose a new one, or repeat the request unchanged.",
            ),
            StartRefused::Internal => Self::internal(),
        }
    }
}

impl Issuer {
    /// Makes the offer that answers `request`, to be stored if there is none of this
    /// [`Offer::offer_id`] yet; together with it, if the template has a status list, a
    /// [`crate::StatusRecord`] at the place that [`Offer::revocation_uuid`] names, if that is free. If it
    /// is taken, see [`Offer::redraw_status`].
    ///
    /// If there is an offer already, [`Offer::is_repeat_of`] decides between its answer and
    /// [`StartRefused::Conflict`].
    ///
    /// `correlation_id` is the request's, or a new one; `list` is the status list that is being
    /// filled, which does not matter to a template [without](Issuer::has_status_list).
    ///
    /// # Errors
    /// As [`StartRefused`] says, save for `Conflict`.
    pub fn start(
        &self,
        request: &StartIssue,
        correlation_id: CorrelationId,
        list: ListNumber,
        random: [u8; 16],
        now_seconds: i64,
    ) -> Result<Offer, StartRefused> {
        let template = self
            .templates
            .by_template_id(&request.template_id)
            .ok_or(StartRefused::UnknownTemplate)?;
        template
            .check_claims(request.claims.members())
            .map_err(|faults| {
                StartRefused::ClaimsRejected(faults.into_iter().map(in_body).collect())
            })?;

        let offer_id = OfferId::of(&self.keys, &correlation_id);
        let plaintext = serde_json::to_vec(&request.claims).map_err(|_| StartRefused::Internal)?;
        if plaintext.len() > MAXIMUM_CLAIMS_BYTES {
            return Err(StartRefused::ClaimsTooLarge);
        }
        let encrypted_claims = claims::encrypt(&self.keys, &offer_id, now_seconds, plaintext)
            .ok_or(StartRefused::Internal)?;
        Ok(Offer {
            offer_id,
            created_at_seconds: now_seconds,
            code_expires_at_seconds: now_seconds + self.offer_lifetime_seconds,
            correlation_id,
            template_id: request.template_id.clone(),
            request_hash: self.request_hash(request),
            encrypted_claims: Some(encrypted_claims),
            tx_code: request.tx_code.clone(),
            tx_code_attempts: 0,
            callback: request.callback.clone(),
            revocation_uuid: template
                .has_status_list()
                .then(|| RevocationUuid::draw(list, random)),
            changed_at_seconds: now_seconds,
            state: OfferState::Created,
        })
    }

    /// The answer of Start issue, the same each time for the same offer. `request` is the request at
    /// hand, which has the same content as the one that made the offer. `qr_uri` is the QR code of
    /// the returned `request_uri`, which the caller draws: see [`Issuer::request_uri`].
    #[must_use]
    pub fn start_answer(
        &self,
        offer: &Offer,
        request: &StartIssue,
        qr_uri: Option<String>,
    ) -> StartIssueAnswer {
        StartIssueAnswer {
            correlation_id: offer.correlation_id.clone(),
            request_uri: self.request_uri(&offer.offer_id, request),
            status_uri: contract::paths::issue_status_url(
                &self.url(paths::CONTRACT_BASE),
                &offer.correlation_id,
            ),
            qr_uri,
            tx_code: tx_code::of(&self.keys, offer),
            revocation_uuid: offer.revocation_uuid.map(RevocationUuid::into),
            expires_at: u64::try_from(offer.code_expires_at_seconds).ok(),
        }
    }

    /// The link that opens the customer's wallet with the offer, by reference (OpenID4VCI 1.0 §4.1).
    #[must_use]
    pub fn request_uri(&self, offer_id: &OfferId, request: &StartIssue) -> String {
        contract::request_uri(request.request_uri_base.as_ref(), &self.offer_url(offer_id))
    }

    /// The id of the offer of an issuance, whether or not there is one.
    #[must_use]
    pub fn offer_id(&self, correlation_id: &CorrelationId) -> OfferId {
        OfferId::of(&self.keys, correlation_id)
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

    fn request_hash(&self, request: &StartIssue) -> RequestHash {
        let tag = hmac::sign(&self.keys.request_hash, &request.canonical_json());
        RequestHash(URL_SAFE_NO_PAD.encode(tag))
    }
}

impl Offer {
    /// Whether a new request, of which `self` is the offer, asks for the same as the `stored` offer
    /// of the same correlation id.
    ///
    /// # Errors
    /// [`StartRefused::Conflict`] if it does not.
    pub fn is_repeat_of(&self, stored: &Self) -> Result<(), StartRefused> {
        if self.request_hash == stored.request_hash {
            Ok(())
        } else {
            Err(StartRefused::Conflict)
        }
    }

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

fn in_body(fault: Fault) -> Fault {
    Fault::new(format!("/claims{}", fault.pointer), fault.reason)
}
