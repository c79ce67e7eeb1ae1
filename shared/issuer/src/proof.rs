//! Key proofs: a JWT by which a wallet shows that it holds the key that the credential is to be bound
//! to (OpenID4VCI 1.0 Appendix F.1).

use bestow_jose::jws::{KeyReference, Policy, Unverified};
use bestow_jose::{Audience, ClaimsError, Expected, PublicJwk};
use serde_json::Value;

use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;

/// Seconds that a proof may be old. Its `c_nonce` says so more strictly; this is for wallets whose
/// clock is slow.
const MAXIMUM_AGE_SECONDS: f64 = 600.0;

/// Seconds that a proof may be dated ahead, by a wallet whose clock is fast.
const MAXIMUM_LEAD_SECONDS: f64 = 120.0;

const POLICY: Policy<'static> = Policy::es256(&["openid4vci-proof+jwt"], 32 * 1024);

/// The key that a wallet has shown to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The key.
    pub jwk: PublicJwk,
    /// The DID URL by which the wallet named it, if it did.
    pub kid: Option<String>,
}

impl Issuer {
    /// Verifies one key proof. The nonce is checked last, so that a bad nonce is only told to who
    /// holds the key.
    ///
    /// `iss` does not matter: it must be absent in an anonymous request, but wallets send it.
    ///
    /// # Errors
    /// `invalid_proof`; `invalid_nonce` if only the nonce is at fault.
    pub(crate) fn verify_proof(
        &self,
        jwt: &str,
        now_seconds: i64,
    ) -> Result<Holder, ProtocolError> {
        let proof = Unverified::read(jwt, &POLICY).map_err(invalid)?;
        let holder = match proof.header().key().map_err(invalid)? {
            KeyReference::Jwk(jwk) => Holder {
                jwk: jwk.clone(),
                kid: None,
            },
            KeyReference::Kid(kid) => Holder {
                jwk: PublicJwk::from_did_url(kid).map_err(invalid)?,
                kid: Some(kid.to_owned()),
            },
            // Only the key matters: who certified it makes no difference without key attestation.
            KeyReference::X5c(chain) => Holder {
                jwk: chain.leaf_key().map_err(invalid)?,
                kid: None,
            },
        };
        let claims = proof.verify(&holder.jwk).map_err(invalid)?.claims;

        let identifier = self.offers.identifier.as_str();
        let expected = Expected {
            audience: Some(Audience::Only(identifier)),
            early_seconds: MAXIMUM_LEAD_SECONDS,
            max_age_seconds: Some(MAXIMUM_AGE_SECONDS),
            ..Expected::default()
        };
        expected
            .check(&claims, now_seconds as f64)
            .map_err(|error| match error {
                ClaimsError::Audience => {
                    invalid(format_args!("the proof's aud must be {identifier}"))
                }
                other => invalid(other),
            })?;
        let nonce = claims
            .get("nonce")
            .and_then(Value::as_str)
            .ok_or_else(|| invalid("the proof has no nonce: ask the nonce endpoint for one"))?;
        self.check_nonce(nonce, now_seconds)?;
        Ok(holder)
    }
}

fn invalid(why: impl std::fmt::Display) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidProof, why)
}
