//! JWS, JWK and JWT: what a stranger signed, read and verified.
//!
//! Key proofs, access tokens, credentials and status lists are read in three steps:
//!
//! 1. [`jws::Unverified::read`] checks size, form and header by a [`jws::Policy`].
//! 2. The caller chooses the key by the header; [`jws::Unverified::verify`] hands out the claims.
//! 3. [`Expected::check`] compares the registered claims with what is expected.
//!
//! Bestow itself signs [`jws::SigningInput`]s by ES256 alone, which HAIP and DIIP require; the keys are in the crate
//! `signing`.

mod certificates;
mod claims;
mod did;
pub mod json;
pub mod jws;
mod public_jwk;
mod verification_key;

pub use certificates::{CertificateChain, ChainError};
pub use claims::{Audience, ClaimsError, Expected};
pub use did::DidError;
pub use public_jwk::{JwkError, PublicJwk, Signature};
pub use rustls_pki_types::CertificateDer;
pub use verification_key::{Algorithm, VerificationKey, Verify, read_jwk_set};

/// The JOSE name of the algorithm that Bestow signs by (RFC 7518 §3.4).
pub const ES256: &str = "ES256";
