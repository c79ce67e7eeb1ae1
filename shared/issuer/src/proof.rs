//! Key proofs: a JWT by which a wallet shows that it holds the key that the credential is to be bound
//! to (OpenID4VCI 1.0 Appendix F.1).

use std::time::Duration;

use bestow_credential::HolderBinding;
use bestow_jose::jws::{KeyReference, Policy, Unverified};
use bestow_jose::{Audience, ClaimsError, Expected, PublicJwk};
use jiff::Timestamp;
use serde_json::Value;

use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;

/// How old a proof may be. Its `c_nonce` is stricter; this is for wallets whose clock is slow.
const MAXIMUM_AGE: Duration = Duration::from_secs(600);

/// How far ahead a proof may be dated, by a wallet whose clock is fast.
const MAXIMUM_LEAD: Duration = Duration::from_secs(120);

const POLICY: Policy<'static> = Policy::es256(&["openid4vci-proof+jwt"], 32 * 1024);

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
        now: Timestamp,
    ) -> Result<HolderBinding, ProtocolError> {
        let proof = Unverified::read(jwt, &POLICY).map_err(invalid)?;
        let holder = match proof.header().key().map_err(invalid)? {
            KeyReference::Jwk(jwk) => HolderBinding {
                jwk: jwk.clone(),
                kid: None,
            },
            KeyReference::Kid(kid) => HolderBinding {
                jwk: PublicJwk::from_did_url(kid).map_err(invalid)?,
                kid: Some(kid.to_owned()),
            },
            // Only the key matters: who certified it makes no difference without key attestation.
            KeyReference::X5c(chain) => HolderBinding {
                jwk: chain.leaf_key().map_err(invalid)?,
                kid: None,
            },
        };
        let claims = proof.verify(&holder.jwk).map_err(invalid)?.claims;

        let identifier = self.offers.identifier.as_str();
        let expected = Expected {
            audience: Some(Audience::Only(identifier)),
            early: MAXIMUM_LEAD,
            max_age: Some(MAXIMUM_AGE),
            ..Expected::default()
        };
        expected.check(&claims, now).map_err(|error| match error {
            ClaimsError::Audience => invalid(format_args!("the proof's aud must be {identifier}")),
            other => invalid(other),
        })?;
        let nonce = claims
            .get("nonce")
            .and_then(Value::as_str)
            .ok_or_else(|| invalid("the proof has no nonce: ask the nonce endpoint for one"))?;
        self.check_nonce(nonce, now)?;
        Ok(holder)
    }
}

fn invalid(why: impl std::fmt::Display) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidProof, why)
}
