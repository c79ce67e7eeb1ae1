//! A private key in this process's memory.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use bestow_jose::{PublicJwk, Signature};
use futures::FutureExt;
use futures::future::BoxFuture;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::der::pem::{self, LineEnding};
use zeroize::Zeroizing;

use crate::signer::{SignError, Signer};

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum KeyError {
    /// No `PRIVATE KEY` section (PKCS#8, RFC 7468 §10). `EC PRIVATE KEY` is the older SEC 1 form.
    #[error("no PKCS#8 private key found: expected a PEM section `BEGIN PRIVATE KEY`")]
    Pem,
    #[error("the private key is not a PKCS#8 key of the curve P-256")]
    Key,
    #[error("no key could be made")]
    Generate,
}

/// A P-256 key pair held in memory. `Debug` shows the public key only.
#[derive(Clone)]
pub struct LocalKey {
    pair: EcdsaKeyPair,
    public_jwk: PublicJwk,
}

impl LocalKey {
    /// Reads the first `PRIVATE KEY` section of a PEM text: PKCS#8, not encrypted.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::Pem)?;
        let der = der.secret_pkcs8_der();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| KeyError::Key)?;
        Self::from_pair(pair).ok_or(KeyError::Key)
    }

    /// Makes a new key from the operating system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .ok()
            .and_then(Self::from_pair)
            .ok_or(KeyError::Generate)
    }

    /// Writes the private key as PKCS#8 PEM. The copy is wiped when it is dropped.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::Generate)?;
        pem::encode_string("PRIVATE KEY", LineEnding::LF, document.as_ref())
            .map(Zeroizing::new)
            .map_err(|_| KeyError::Generate)
    }

    /// Signs `message` with ES256, without the detour of a future.
    pub fn sign_now(&self, message: &[u8]) -> Result<Signature, SignError> {
        let signature = self
            .pair
            .sign(&SystemRandom::new(), message)
            .map_err(|_| SignError::Local)?;
        signature.as_ref().try_into().map_err(|_| SignError::Local)
    }

    fn from_pair(pair: EcdsaKeyPair) -> Option<Self> {
        let public_jwk = PublicJwk::from_point(pair.public_key().as_ref()).ok()?;
        Some(Self { pair, public_jwk })
    }
}

impl Signer for LocalKey {
    fn public_jwk(&self) -> &PublicJwk {
        &self.public_jwk
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        async move { self.sign_now(message) }.boxed()
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey")
            .field("public_jwk", &self.public_jwk)
            .finish_non_exhaustive()
    }
}
