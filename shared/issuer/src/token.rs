//! Redeems a pre-authorized code for an access token (OpenID4VCI 1.0 §6).
//!
//! [`Issuer::redeem`] opens the code. If the offer needs no transaction code, that gives a
//! [`Redemption`] at once; else a [`TxCodeCheck`], from which a [`Redemption`] comes only after the
//! try was counted in the store. The token comes from a [`Redemption`] only after its write.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::access_token::{AccessToken, TOKEN_LIFETIME};
use crate::credential_offer::PreAuthorizedCode;
use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;
use crate::nonce::NONCE_LIFETIME;
use crate::offer::{IssuedToken, MAXIMUM_TX_CODE_ATTEMPTS, OfferState, whole_seconds};
use crate::token_request::TokenRequest;
use crate::transition::{Step, Transition, Written};
use crate::tx_code;

/// What a Token Request leads to.
pub enum Redeem {
    /// The code can be redeemed.
    Now(Redemption),
    /// The transaction code comes first.
    AfterTxCode(TxCodeCheck),
}

/// A transaction code that is to be counted, then compared.
pub struct TxCodeCheck {
    given: SecretString,
    redemption: Redemption,
}

/// A wrong transaction code.
pub struct WrongTxCode {
    /// The answer.
    pub error: ProtocolError,
    /// The write that makes the offer end; there if this was the last try.
    pub exhausted: Option<Transition>,
}

/// A code that may be redeemed, if nobody else was faster.
pub struct Redemption {
    token: AccessToken,
    now: Timestamp,
    configuration_id: String,
}

/// Answer of the token endpoint. Not to be cached.
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    /// Removed from the specification in draft 14; draft 13 wallets have no other source.
    c_nonce: String,
    c_nonce_expires_in: i64,
    /// Only if it was in the request: once it is returned, a wallet must use the identifiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<[AuthorizationDetail; 1]>,
}

#[derive(Serialize)]
struct AuthorizationDetail {
    #[serde(rename = "type")]
    kind: &'static str,
    credential_configuration_id: String,
    credential_identifiers: [String; 1],
}

impl Issuer {
    /// Opens the code of a Token Request and checks what can be checked without the store. `random`
    /// names the new token.
    ///
    /// # Errors
    /// `invalid_grant` for a code that is not ours or too old, `invalid_request` for a transaction
    /// code that is missing or was not asked for, `invalid_authorization_details` for a credential
    /// that was not offered.
    pub fn redeem(
        &self,
        request: TokenRequest,
        now: Timestamp,
        random: [u8; 16],
    ) -> Result<Redeem, ProtocolError> {
        let code: PreAuthorizedCode = self
            .offers
            .keys
            .open(request.code.expose_secret())
            .map_err(|_| invalid_grant())?;
        if code.expires_at <= now {
            return Err(invalid_grant());
        }
        let template = self
            .offers
            .templates
            .by_template_id(&code.template_id)
            .ok_or_else(invalid_grant)?;
        if let Some(ids) = &request.configuration_ids
            && ids.iter().any(|id| id != template.configuration_id())
        {
            return Err(ProtocolError::new(
                ErrorCode::InvalidAuthorizationDetails,
                "authorization_details asks for a credential that was not offered",
            ));
        }

        let token = AccessToken {
            offer_id: code.offer_id,
            created_at: code.created_at,
            token_id: URL_SAFE_NO_PAD.encode(random),
            expires_at: whole_seconds(now) + TOKEN_LIFETIME,
            template_id: code.template_id,
            has_identifiers: request.configuration_ids.is_some(),
        };
        let redemption = Redemption {
            token,
            now,
            configuration_id: template.configuration_id().to_owned(),
        };
        match (code.needs_tx_code, request.tx_code) {
            (false, None) => Ok(Redeem::Now(redemption)),
            (true, Some(given)) => Ok(Redeem::AfterTxCode(TxCodeCheck { given, redemption })),
            (true, None) => Err(ProtocolError::new(
                ErrorCode::InvalidRequest,
                "tx_code is missing: this offer needs one",
            )),
            (false, Some(_)) => Err(ProtocolError::new(
                ErrorCode::InvalidRequest,
                "tx_code was sent, but this offer has none",
            )),
        }
    }
}

impl TxCodeCheck {
    /// The write that counts the try.
    pub fn count(&self) -> Transition {
        self.redemption.transition(Step::CountTxCodeAttempt)
    }

    /// Compares the transaction code, now that the try is counted. `counted` is the outcome of
    /// [`TxCodeCheck::count`].
    ///
    /// # Errors
    /// `invalid_grant` for a wrong code, and for an offer whose tries are used up, that was taken, or
    /// that has expired.
    pub fn compare(self, issuer: &Issuer, counted: &Written) -> Result<Redemption, WrongTxCode> {
        let refused = |exhausted| WrongTxCode {
            error: invalid_grant(),
            exhausted,
        };
        let Written::Applied(offer) = counted else {
            return Err(refused(None));
        };
        if tx_code::matches(&issuer.offers.keys, offer, self.given.expose_secret()) {
            return Ok(self.redemption);
        }
        let is_last = offer.tx_code_attempts >= MAXIMUM_TX_CODE_ATTEMPTS;
        let exhausted = is_last.then(|| self.redemption.transition(Step::ExhaustTxCode));
        Err(refused(exhausted))
    }
}

impl Redemption {
    /// The write of which exactly one succeeds for each offer.
    pub fn write(&self) -> Transition {
        let token = self.issued_token();
        self.transition(Step::RedeemCode { token })
    }

    fn transition(&self, step: Step) -> Transition {
        Transition::of(&self.token, self.now, step)
    }

    fn issued_token(&self) -> IssuedToken {
        IssuedToken {
            token_id: self.token.token_id.clone(),
            expires_at: self.token.expires_at,
        }
    }

    /// The answer, now that `written` is the outcome of [`Redemption::write`]. A write that failed because it had
    /// succeeded before is a success: the offer names this very token.
    ///
    /// # Errors
    /// `invalid_grant` if somebody else was faster, or the offer is over.
    pub fn conclude(
        self,
        issuer: &Issuer,
        written: &Written,
        nonce_random: [u8; 8],
    ) -> Result<TokenResponse, ProtocolError> {
        let is_ours = written.offer().is_some_and(|offer| {
            offer.created_at == self.token.created_at
                && offer.state == OfferState::TokenIssued(self.issued_token())
        });
        if !is_ours {
            return Err(invalid_grant());
        }
        Ok(TokenResponse {
            access_token: issuer.offers.keys.seal(&self.token)?,
            token_type: "Bearer",
            expires_in: TOKEN_LIFETIME.as_secs(),
            c_nonce: issuer.nonce(self.now, nonce_random)?.c_nonce,
            c_nonce_expires_in: NONCE_LIFETIME.as_secs(),
            authorization_details: self.token.has_identifiers.then(|| {
                [AuthorizationDetail {
                    kind: "openid_credential",
                    credential_configuration_id: self.configuration_id,
                    credential_identifiers: [self.token.credential_identifier().to_owned()],
                }]
            }),
        })
    }
}

/// One answer for all, so that it tells nobody how close a guess was.
fn invalid_grant() -> ProtocolError {
    ProtocolError::new(
        ErrorCode::InvalidGrant,
        "the code is unknown, expired or used, or the tx_code is wrong",
    )
}
