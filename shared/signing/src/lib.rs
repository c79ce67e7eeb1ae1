//! ES256 private keys, and what stands beside their signatures.
//!
//! The key is behind the [`Signer`] trait: [`LocalKey`] holds it in memory; an adapter elsewhere asks a key service.
//! Either signs the bytes of a [`bestow_jose::jws::SigningInput`].

mod ecdsa_der;
mod identity;
mod local_key;
mod signer;

pub use ecdsa_der::{DerSignatureError, ecdsa_der_to_raw};
pub use identity::SigningIdentity;
pub use local_key::{KeyError, LocalKey};
pub use signer::{SignError, Signer};
