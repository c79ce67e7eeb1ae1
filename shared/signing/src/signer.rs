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
#[allow(missing_docs, reason = "the messages say it")]
pub enum SignError {
    #[error("the local key did not sign")]
    Local,
    /// The cause goes into the log too, so it must not hold a secret.
    #[error("the key service did not sign: {0}")]
    Remote(#[source] Box<dyn Error + Send + Sync>),
    #[error("the key service answered with a malformed signature")]
    Encoding(#[from] DerSignatureError),
    #[error("what is to be signed cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}
