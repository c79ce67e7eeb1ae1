//! ES256 private keys, and what stands beside their signatures.
//!
//! Everything that Bestow signs is signed here. There is one algorithm, ES256 (ECDSA with P-256 and
//! SHA-256), because it is the one that HAIP and DIIP require; a second one would be a second set
//! of mistakes.
//!
//! The private key is behind the [`Signer`] trait: [`LocalKey`] holds it in memory, and an adapter
//! elsewhere asks a key service. What is signed, and how a signature joins its message, is the same
//! for both: build a [`bestow_jose::jws::SigningInput`], sign its bytes, finish it with the signature.

mod ecdsa_der;
mod identity;
mod local_key;
mod signer;

pub use ecdsa_der::{DerSignatureError, ecdsa_der_to_raw};
pub use identity::SigningIdentity;
pub use local_key::{KeyError, LocalKey};
pub use signer::{SignError, Signer};
