//! Issues a credential (OpenID4VCI 1.0 §8).
//!
//! [`Issuer::verify_request`] decides everything that needs no store. Its [`VerifiedRequest`] holds the
//! write of which one succeeds for each key; after that the credential is built, signed elsewhere,
//! and put into the answer.

use std::fmt;

use credential::{
    Granularity, HolderBinding, PreparedSdJwtVc, RandomnessUnavailable, SD_JWT_VC, SdJwtVc,
    Validity,
};
use serde::Serialize;
use signing::SignError;
use status_list::StatusReference;

use crate::access_token::AccessToken;
use crate::credential_request::{CredentialRequest, Selector, Shape};
use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;
use crate::nonce::IssuedNonce;
use crate::offer::{Offer, OfferState};
use crate::proof::Holder;
use crate::template::Template;
use crate::transition::{IssueCredential, Written};

/// A Credential Request that is in order, from a wallet that holds the key.
pub struct VerifiedRequest {
    write: IssueCredential,
    token: AccessToken,
    holder: Holder,
    shape: Shape,
    fresh_nonce: IssuedNonce,
}

/// A credential that lacks its signature, and the answer that it goes into.
pub struct UnsignedCredential {
    prepared: PreparedSdJwtVc,
    notification_id: String,
    shape: Shape,
    fresh_nonce: IssuedNonce,
}

/// Answer of the credential endpoint. Not to be cached, nor logged.
#[derive(Clone, PartialEq, Eq, Serialize)]
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

#[derive(Clone, PartialEq, Eq, Serialize)]
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
        now_seconds: i64,
        nonce_random: [u8; 8],
    ) -> Result<VerifiedRequest, ProtocolError> {
        self.select(&request.selector, token)?;
        if request.wants_encryption {
            return Err(ProtocolError::new(
                ErrorCode::InvalidEncryptionParameters,
                "encrypted responses are not supported",
            ));
        }
        let fresh_nonce = self.issue_nonce(now_seconds, nonce_random)?;
        let holder = request
            .proof
            .map_err(ProtocolError::from)
            .and_then(|jwt| self.verify_proof(&jwt, now_seconds))
            .map_err(|error| in_shape(error, request.shape, &fresh_nonce))?;
        Ok(VerifiedRequest {
            write: IssueCredential {
                offer_id: token.offer_id.clone(),
                created_at_seconds: token.created_at_seconds,
                token_id: token.token_id.clone(),
                holder_thumbprint: holder.jwk.thumbprint(),
                now_seconds,
            },
            token: token.clone(),
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
                let template = self.templates.by_configuration_id(id).ok_or_else(|| {
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
        self.templates.by_vct(vct).ok_or_else(|| {
            ProtocolError::new(
                ErrorCode::UnsupportedCredentialType,
                "there is no such vct: see the issuer's metadata",
            )
        })
    }

    fn token_template(&self, token: &AccessToken) -> Result<&Template, ProtocolError> {
        self.templates
            .by_template_id(&token.template_id)
            .ok_or_else(denied)
    }
}

/// Says a refusal of the proof so that the wallet understands it.
fn in_shape(error: ProtocolError, shape: Shape, fresh_nonce: &IssuedNonce) -> ProtocolError {
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
    /// The write that must succeed before the credential is given out.
    #[must_use]
    pub const fn write(&self) -> &IssueCredential {
        &self.write
    }

    /// The key that the credential will be bound to.
    #[must_use]
    pub const fn holder(&self) -> &Holder {
        &self.holder
    }

    /// Builds the credential, now that `written` is the outcome of [`VerifiedRequest::write`].
    /// `fill_random` is called at most once, for the salts; see [`credential::system_randomness`].
    ///
    /// A repeated request gets the same credential again, save for salts and signature: its times are
    /// those of the first, rounded to days, so that they tell nobody when it was issued.
    ///
    /// # Errors
    /// `invalid_token` if the token is used up, `credential_request_denied` if the credential was
    /// issued to another key.
    pub fn conclude(
        self,
        issuer: &Issuer,
        written: &Written,
        fill_random: impl FnOnce(&mut [u8]) -> Result<(), RandomnessUnavailable>,
    ) -> Result<UnsignedCredential, ProtocolError> {
        let Written::Applied(offer) = written else {
            return Err(self.refusal(written.offer()));
        };
        let OfferState::CredentialIssued(issued) = &offer.state else {
            return Err(self.refusal(Some(offer)));
        };
        let template = issuer
            .templates
            .by_template_id(&offer.template_id)
            .ok_or_else(denied)?;
        let claims = issuer
            .claims(offer)
            .ok_or_else(ProtocolError::server_error)?;
        let credential = SdJwtVc {
            vct: template.vct(),
            issuer: Some(issuer.identifier.as_str()),
            claims,
            frame: template.frame(),
            validity: Validity::rounded(
                issued.credential_issued_at_seconds,
                Some(template.validity_seconds()),
                Granularity::Day,
            ),
            holder: Some(HolderBinding {
                jwk: self.holder.jwk,
                kid: self.holder.kid,
            }),
            status: offer.revocation_uuid.map(|uuid| {
                StatusReference {
                    idx: u64::from(uuid.index()),
                    uri: issuer.status_list_url(uuid.list()),
                }
                .into()
            }),
        };
        let prepared = credential
            .prepare(&issuer.signing, fill_random)
            .map_err(|_| ProtocolError::server_error())?;
        Ok(UnsignedCredential {
            prepared,
            notification_id: issuer.notification_id(&self.token)?,
            shape: self.shape,
            fresh_nonce: self.fresh_nonce,
        })
    }

    /// Tells a refused write's reason.
    fn refusal(&self, offer: Option<&Offer>) -> ProtocolError {
        match offer.map(|offer| &offer.state) {
            Some(OfferState::CredentialIssued(issued))
                if issued.token.token_id == self.token.token_id
                    && self.write.now_seconds < issued.token.token_expires_at_seconds =>
            {
                denied()
            }
            _ => ProtocolError::new(
                ErrorCode::InvalidToken,
                "the access token is of no use any more",
            ),
        }
    }
}

impl UnsignedCredential {
    /// Signs with the issuer's key, wherever it is, and makes the answer.
    ///
    /// # Errors
    /// The signer's. The wallet may repeat its request with the same token.
    pub async fn sign(self, issuer: &Issuer) -> Result<CredentialResponse, SignError> {
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
        Ok(CredentialResponse {
            credentials,
            credential,
            notification_id: self.notification_id,
            c_nonce_expires_in: nonce.as_ref().map(|nonce| nonce.expires_in_seconds),
            c_nonce: nonce.map(|nonce| nonce.c_nonce),
        })
    }
}

fn denied() -> ProtocolError {
    ProtocolError::new(
        ErrorCode::CredentialRequestDenied,
        "this credential cannot be issued again: ask for a new offer",
    )
}

impl fmt::Debug for VerifiedRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifiedRequest")
            .field("token", &self.token)
            .field("holder", &self.holder)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for UnsignedCredential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UnsignedCredential(redacted)")
    }
}

impl fmt::Debug for CredentialResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CredentialResponse(redacted)")
    }
}
