//! JWS, JWK and JWT: what a stranger signed, read and verified.
//!
//! Key proofs, access tokens, credentials and status lists are all compact JWSs with claims, and
//! all are read here, in three steps:
//!
//! 1. [`jws::Unverified::read`] checks size and form, and the header against what the place
//!    allows ([`jws::Policy`]).
//! 2. The caller chooses the key by the header, and [`jws::Unverified::verify`] hands out the
//!    claims. There is no other way to them.
//! 3. [`Expected::check`] compares the registered claims with what the place expects.
//!
//! Bestow itself signs by ES256 alone (ECDSA with P-256 and SHA-256), the algorithm that HAIP and
//! DIIP require: [`jws::SigningInput`] is what is signed; the keys are in the crate `signing`.

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
