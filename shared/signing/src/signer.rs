//! What can sign.

use std::error::Error;

use futures::future::BoxFuture;

use bestow_jose::{PublicJwk, Signature};

use crate::ecdsa_der::DerSignatureError;

/// A P-256 private key, wherever it lives.
pub trait Signer: Send + Sync {
    /// The public half of the key.
    fn public_jwk(&self) -> &PublicJwk;

    /// Signs `message` with ES256: the signer hashes it with SHA-256.
    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>>;
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key in memory did not sign.
    #[error("the local key did not sign")]
    Local,
    /// The key service refused or could not be reached. What the cause prints is printed too, so it must be
    /// fit for a log.
    #[error("the key service did not sign: {0}")]
    Remote(#[source] Box<dyn Error + Send + Sync>),
    /// The key service answered with something that is no ECDSA signature.
    #[error("the key service answered with a malformed signature")]
    Encoding(#[from] DerSignatureError),
    /// The header or the claims could not be written as JSON.
    #[error("what is to be signed cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}
