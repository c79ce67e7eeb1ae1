//! ES256 keys, JWKs, compact JWS and certificate chains.
//!
//! Everything that Bestow signs, and every signature that it checks, goes through this crate. There
//! is one algorithm, ES256 (ECDSA with P-256 and SHA-256), because it is the one that HAIP and DIIP
//! require; a second one would be a second set of mistakes.
//!
//! The private key is behind the [`Signer`] trait: [`LocalKey`] holds it in memory, and an adapter
//! elsewhere asks a key service. What is signed, and how a signature joins its message, is the same
//! for both: build a [`jws::SigningInput`], sign its bytes, call [`jws::SigningInput::finish`].
//!
//! Reading is in [`jws`]: the header is read first and decides, the claims are only handed out
//! after the signature has been verified.

mod certificates;
mod did;
mod ecdsa_der;
mod identity;
pub mod json;
pub mod jws;
mod local_key;
mod public_jwk;
mod signer;

pub use certificates::{CertificateChain, ChainError};
pub use did::DidError;
pub use ecdsa_der::{DerSignatureError, ecdsa_der_to_raw};
pub use identity::SigningIdentity;
pub use local_key::{KeyError, LocalKey};
pub use public_jwk::{JwkError, PublicJwk};
pub use rustls_pki_types::CertificateDer;
pub use signer::{SignError, Signature, Signer};

/// The JOSE name of the one signature algorithm (RFC 7518 §3.4).
pub const ES256: &str = "ES256";
