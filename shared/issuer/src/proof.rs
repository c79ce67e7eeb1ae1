//! Key proofs: a JWT by which a wallet shows that it holds the key that the credential is to be bound
//! to (OpenID4VCI 1.0 Appendix F.1).

use serde_json::{Map, Value};
use signing::PublicJwk;
use signing::jws::{KeyReference, Policy, Unverified};

use crate::error::{ErrorCode, ProtocolError};
use crate::issuer::Issuer;

/// Seconds that a proof may be old. Its `c_nonce` says so more strictly; this is for wallets whose
/// clock is slow.
const MAXIMUM_AGE_SECONDS: i64 = 600;

/// Seconds that a proof may be dated ahead, by a wallet whose clock is fast.
const MAXIMUM_LEAD_SECONDS: i64 = 120;

const POLICY: Policy<'static> = Policy {
    types: &["openid4vci-proof+jwt"],
    max_bytes: 32 * 1024,
};

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

        check_audience(&claims, self.offers.identifier.as_str())?;
        check_times(&claims, now_seconds)?;
        let nonce = claims
            .get("nonce")
            .and_then(Value::as_str)
            .ok_or_else(|| invalid("the proof has no nonce: ask the nonce endpoint for one"))?;
        self.check_nonce(nonce, now_seconds)?;
        Ok(holder)
    }
}

fn check_audience(claims: &Map<String, Value>, identifier: &str) -> Result<(), ProtocolError> {
    let is_for_us = match claims.get("aud") {
        Some(Value::String(audience)) => audience == identifier,
        // Some JWT libraries always write an array.
        Some(Value::Array(audiences)) => {
            matches!(audiences.as_slice(), [audience] if audience == identifier)
        }
        _ => false,
    };
    if is_for_us {
        Ok(())
    } else {
        Err(invalid(format_args!(
            "the proof's aud must be {identifier}"
        )))
    }
}

fn check_times(claims: &Map<String, Value>, now_seconds: i64) -> Result<(), ProtocolError> {
    let issued_at_seconds =
        numeric_date(claims, "iat")?.ok_or_else(|| invalid("the proof has no iat"))?;
    let age_seconds = now_seconds.saturating_sub(issued_at_seconds);
    if !(-MAXIMUM_LEAD_SECONDS..=MAXIMUM_AGE_SECONDS).contains(&age_seconds) {
        return Err(invalid("the proof's iat is too far from now"));
    }
    if numeric_date(claims, "exp")?.is_some_and(|expires_at| expires_at <= now_seconds) {
        return Err(invalid("the proof has expired"));
    }
    if numeric_date(claims, "nbf")?
        .is_some_and(|not_before| not_before > now_seconds + MAXIMUM_LEAD_SECONDS)
    {
        return Err(invalid("the proof is not valid yet"));
    }
    Ok(())
}

/// Seconds since the epoch, which may have a fraction (RFC 7519 §2); none if the claim is absent.
fn numeric_date(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, ProtocolError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    // Saturates, which is as far out as any limit.
    #[allow(clippy::cast_possible_truncation)]
    let seconds = value
        .as_i64()
        .or_else(|| value.as_f64().map(|seconds| seconds as i64));
    seconds
        .map(Some)
        .ok_or_else(|| invalid(format_args!("the proof's {name} must be a number")))
}

fn invalid(why: impl std::fmt::Display) -> ProtocolError {
    ProtocolError::new(ErrorCode::InvalidProof, why)
}
