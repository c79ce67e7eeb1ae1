//! Issues a credential (OpenID4VCI 1.0 §8).
//!
//! [`Issuer::verify_request`] decides everything that needs no store. With the offer as it stands, a
//! [`VerifiedRequest`] becomes an [`UnsignedCredential`], and by the issuer's key a [`SignedCredential`]. The issuance is
//! written once the credential exists, and the credential given out once the write has succeeded for its key.

use bestow_credential::{
    HolderBinding, PreparedSdJwtVc, RandomnessError, SD_JWT_VC, SdJwtVc, Validity,
};
use bestow_signing::SignError;
use bestow_status_list::StatusReference;
use jiff::Timestamp;
use serde::Serialize;

use crate::access_token::AccessToken;
use crate::credential_request::{CredentialRequest, Selector, Shape};
use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;
use crate::nonce::{NONCE_LIFETIME, NonceResponse};
use crate::offer::{IssuedCredential, Offer, OfferId, OfferState};
use crate::template::Template;
use crate::transition::{Step, Transition, Written};

/// A Credential Request that is in order, from a wallet that holds the key.
pub struct VerifiedRequest {
    issuance: Issuance,
    holder: HolderBinding,
    shape: Shape,
    fresh_nonce: NonceResponse,
}

/// A credential that lacks its signature, and what its answer needs besides.
pub struct UnsignedCredential {
    prepared: PreparedSdJwtVc,
    issuance: Issuance,
    notification_id: String,
    shape: Shape,
    fresh_nonce: NonceResponse,
}

/// A credential that may be given out once its issuance is written.
pub struct SignedCredential {
    issuance: Issuance,
    response: CredentialResponse,
}

/// For which token the credential is, for which key, and when it was asked for.
struct Issuance {
    token: AccessToken,
    holder_thumbprint: String,
    now: Timestamp,
}

/// Answer of the credential endpoint. Not to be cached, nor logged.
#[derive(Serialize)]
pub struct CredentialResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    credentials: Option<[CredentialObject; 1]>,
    /// Drafts 13 and 14.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    notification_id: String,
    /// Drafts 13 and 14.
    #[serde(skip_serializing_if = "Option::is_none")]
    c_nonce: Option<String>,
    /// Drafts 13 and 14.
    #[serde(skip_serializing_if = "Option::is_none")]
    c_nonce_expires_in: Option<i64>,
}

#[derive(Serialize)]
struct CredentialObject {
    credential: String,
}

impl Issuer {
    /// Checks a Credential Request as far as it goes without the store: the selector, that the token
    /// is for it, then the key proof, its nonce last.
    ///
    /// # Errors
    /// The codes of §8.3.1.2, in the language of the request: drafts 13 and 14 have other ones, and
    /// take a fresh `c_nonce` from the refusal.
    pub fn verify_request(
        &self,
        token: &AccessToken,
        request: CredentialRequest,
        now: Timestamp,
        nonce_random: [u8; 8],
    ) -> Result<VerifiedRequest, ProtocolError> {
        self.select(&request.selector, token)?;
        if request.wants_encryption {
            return Err(ProtocolError::new(
                ErrorCode::InvalidEncryptionParameters,
                "encrypted responses are not supported",
            ));
        }
        let fresh_nonce = self.nonce(now, nonce_random)?;
        let holder = request
            .proof
            .and_then(|jwt| self.verify_proof(&jwt, now))
            .map_err(|error| in_shape(error, request.shape, &fresh_nonce))?;
        Ok(VerifiedRequest {
            issuance: Issuance {
                token: token.clone(),
                holder_thumbprint: holder.jwk.thumbprint(),
                now,
            },
            holder,
            shape: request.shape,
            fresh_nonce,
        })
    }

    /// The template that the request is for, which must be the token's. What nobody knows is told
    /// before what this token may not have.
    fn select(&self, selector: &Selector, token: &AccessToken) -> Result<&Template, ProtocolError> {
        let template = match selector {
            Selector::Configuration(id) => {
                let template = self.offers.templates.by_configuration_id(id).ok_or_else(|| {
                    ProtocolError::new(
                        ErrorCode::UnknownCredentialConfiguration,
                        "there is no such credential_configuration_id: see the issuer's metadata",
                    )
                })?;
                if token.has_identifiers {
                    return Err(ProtocolError::new(
                        ErrorCode::InvalidCredentialRequest,
                        "use the credential_identifier that came with the access token",
                    ));
                }
                template
            }
            Selector::Identifier(identifier) => {
                if !token.has_identifiers || identifier != token.credential_identifier() {
                    return Err(ProtocolError::new(
                        ErrorCode::UnknownCredentialIdentifier,
                        "the credential_identifier did not come with this access token",
                    ));
                }
                self.token_template(token)?
            }
            Selector::Format { format, vct } => self.select_by_format(format, vct.as_deref())?,
        };
        if template.template_id() == token.template_id {
            Ok(template)
        } else {
            Err(ProtocolError::new(
                ErrorCode::InsufficientScope,
                "the access token is for another credential",
            ))
        }
    }

    /// Draft 13 §7.2. Its name for the format was `vc+sd-jwt`.
    fn select_by_format(
        &self,
        format: &str,
        vct: Option<&str>,
    ) -> Result<&Template, ProtocolError> {
        if ![SD_JWT_VC, "vc+sd-jwt"].contains(&format) {
            return Err(ProtocolError::new(
                ErrorCode::UnsupportedCredentialFormat,
                format_args!("the only format here is {SD_JWT_VC}"),
            ));
        }
        let vct = vct.ok_or_else(|| {
            ProtocolError::new(ErrorCode::InvalidCredentialRequest, "vct is missing")
        })?;
        self.offers.templates.by_vct(vct).ok_or_else(|| {
            ProtocolError::new(
                ErrorCode::UnsupportedCredentialType,
                "there is no such vct: see the issuer's metadata",
            )
        })
    }

    fn token_template(&self, token: &AccessToken) -> Result<&Template, ProtocolError> {
        self.offers
            .templates
            .by_template_id(&token.template_id)
            .ok_or_else(denied)
    }
}

/// Says a refusal of the proof so that the wallet understands it.
fn in_shape(error: ProtocolError, shape: Shape, fresh_nonce: &NonceResponse) -> ProtocolError {
    match (shape, error.code()) {
        (Shape::Format, ErrorCode::InvalidNonce) => {
            // Draft 13 §7.3.2 has one code for both.
            ProtocolError::new(ErrorCode::InvalidProof, error.description())
                .with_fresh_nonce(fresh_nonce.clone())
        }
        (Shape::Format | Shape::Proof, ErrorCode::InvalidProof | ErrorCode::InvalidNonce) => {
            error.with_fresh_nonce(fresh_nonce.clone())
        }
        _ => error,
    }
}

impl VerifiedRequest {
    /// The offer to read next, consistently.
    pub const fn offer_id(&self) -> &OfferId {
        &self.issuance.token.offer_id
    }

    /// Builds the credential from the `stored` offer, if that still grants it. `fill_random` is called
    /// at most once, for the salts. A repeated request gets the same credential again, save for salts and signature.
    ///
    /// # Errors
    /// `invalid_token` if the token is used up, `credential_request_denied` if the credential was
    /// issued to another key.
    pub fn prepare(
        self,
        issuer: &Issuer,
        stored: Option<&Offer>,
        fill_random: impl FnOnce(&mut [u8]) -> Result<(), RandomnessError>,
    ) -> Result<UnsignedCredential, ProtocolError> {
        let issuance = self.issuance;
        let offer = stored.ok_or_else(|| issuance.refusal(None))?;
        let issued_at = if issuance.write().is_allowed(offer) {
            issuance.now
        } else if let Some(issued) = issuance.repeated(offer) {
            issued.issued_at
        } else {
            return Err(issuance.refusal(Some(offer)));
        };
        let template = issuer
            .offers
            .templates
            .by_template_id(&offer.template_id)
            .ok_or_else(denied)?;
        let claims = issuer
            .offers
            .keys
            .decrypt_claims(offer)
            .ok_or_else(ProtocolError::server_error)?;
        let credential = SdJwtVc {
            vct: template.vct(),
            issuer: Some(issuer.offers.identifier.as_str()),
            claims,
            frame: template.frame(),
            validity: Validity::rounded_to_days(issued_at, template.validity()),
            holder: Some(self.holder),
            status: offer.revocation_uuid.map(|uuid| StatusReference {
                idx: u64::from(uuid.index()),
                uri: issuer.identifier().status_list_url(uuid.list()),
            }),
        };
        let prepared = credential
            .prepare(&issuer.signing, fill_random)
            .map_err(|_| ProtocolError::server_error())?;
        Ok(UnsignedCredential {
            prepared,
            notification_id: issuer.notification_id(&issuance.token)?,
            issuance,
            shape: self.shape,
            fresh_nonce: self.fresh_nonce,
        })
    }
}

impl UnsignedCredential {
    /// Signs with the issuer's key, wherever it is.
    ///
    /// # Errors
    /// The signer's. Nothing was written, so the wallet may repeat its request with the same token.
    pub async fn sign(self, issuer: &Issuer) -> Result<SignedCredential, SignError> {
        let signer = issuer.signing.signer();
        let signature = signer.sign(self.prepared.signing_input()).await?;
        let credential = self.prepared.finish(&signature);

        let as_array = |credential| Some([CredentialObject { credential }]);
        let (credentials, credential, nonce) = match self.shape {
            Shape::Proofs => (as_array(credential), None, None),
            // Draft 14 and 15 differ in the member that they read, and ask alike.
            Shape::Proof => (
                as_array(credential.clone()),
                Some(credential),
                Some(self.fresh_nonce),
            ),
            Shape::Format => (None, Some(credential), Some(self.fresh_nonce)),
        };
        Ok(SignedCredential {
            issuance: self.issuance,
            response: CredentialResponse {
                credentials,
                credential,
                notification_id: self.notification_id,
                c_nonce_expires_in: nonce.as_ref().map(|_| NONCE_LIFETIME.as_secs()),
                c_nonce: nonce.map(|nonce| nonce.c_nonce),
            },
        })
    }
}

impl SignedCredential {
    /// The write that must be tried before the credential is given out.
    pub fn write(&self) -> Transition {
        self.issuance.write()
    }

    /// The answer, now that `written` is the outcome of [`SignedCredential::write`]: also if the
    /// credential had been issued to the same key before, because the first answer may have been lost.
    ///
    /// # Errors
    /// As [`VerifiedRequest::prepare`], for what has changed since the offer was read.
    pub fn conclude(self, written: &Written) -> Result<CredentialResponse, ProtocolError> {
        match written {
            Written::Applied(_) => Ok(self.response),
            Written::Refused(Some(offer)) if self.issuance.repeated(offer).is_some() => {
                Ok(self.response)
            }
            Written::Refused(offer) => Err(self.issuance.refusal(offer.as_ref())),
        }
    }
}

impl Issuance {
    fn write(&self) -> Transition {
        let step = Step::IssueCredential {
            token_id: self.token.token_id.clone(),
            holder_thumbprint: self.holder_thumbprint.clone(),
        };
        Transition::of(&self.token, self.now, step)
    }

    /// The issuance that this one would repeat: for the same token, which still lives, to the same
    /// key, with claims that are still there.
    fn repeated<'o>(&self, offer: &'o Offer) -> Option<&'o IssuedCredential> {
        self.issued(offer).filter(|issued| {
            issued.holder_thumbprint == self.holder_thumbprint && offer.encrypted_claims.is_some()
        })
    }

    /// What was issued for the same token, if that still lives.
    fn issued<'o>(&self, offer: &'o Offer) -> Option<&'o IssuedCredential> {
        let OfferState::CredentialIssued(issued) = &offer.state else {
            return None;
        };
        let is_same = offer.created_at == self.token.created_at
            && issued.token.token_id == self.token.token_id
            && self.now < issued.token.expires_at;
        is_same.then_some(issued)
    }

    /// Why `offer` grants no credential.
    fn refusal(&self, offer: Option<&Offer>) -> ProtocolError {
        if offer.and_then(|offer| self.issued(offer)).is_some() {
            denied()
        } else {
            ProtocolError::new(
                ErrorCode::InvalidToken,
                "the access token is of no use any more",
            )
        }
    }
}

fn denied() -> ProtocolError {
    ProtocolError::new(
        ErrorCode::CredentialRequestDenied,
        "this credential cannot be issued again: ask for a new offer",
    )
}
