//! A signing key that never leaves AWS KMS.

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeyUsageType, MessageType, SigningAlgorithmSpec};
use bestow_aws::sdk::Sdk;
use bestow_aws::{CallError, Kms};
use bestow_jose::{JwkError, PublicJwk, Signature};
use bestow_signing::{SignError, Signer, ecdsa_der_to_raw};
use futures::FutureExt;
use futures::future::BoxFuture;
use thiserror::Error;

/// An asymmetric KMS key of spec `ECC_NIST_P256` and usage `SIGN_VERIFY`.
#[derive(Debug, Clone)]
pub struct KmsKey {
    kms: Kms,
    key_id: String,
    public_jwk: PublicJwk,
}

/// Why a KMS key cannot be used.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum KmsKeyError {
    #[error("its public key could not be read: {0}")]
    Call(#[from] CallError),
    #[error("KMS answered without a public key")]
    NoPublicKey,
    #[error("it is not a P-256 key; make one with the key spec ECC_NIST_P256")]
    NotP256(#[from] JwkError),
    #[error("it is not for signing; make one with the key usage SIGN_VERIFY")]
    NotForSigning,
}

impl KmsKey {
    /// Reads the public half of the key that `key_id` (an id, ARN or alias) names.
    pub async fn load(sdk: &Sdk, key_id: &str) -> Result<Self, KmsKeyError> {
        let kms = sdk.kms();
        let read = kms.get_public_key().key_id(key_id);
        let answer = kms.send(&read).await.map_err(CallError::from_sdk)?;
        let spki = answer.public_key().ok_or(KmsKeyError::NoPublicKey)?;
        let public_jwk = PublicJwk::from_spki_der(spki.as_ref())?;
        if answer.key_usage() != Some(&KeyUsageType::SignVerify) {
            return Err(KmsKeyError::NotForSigning);
        }
        Ok(Self {
            kms,
            // An alias can be pointed at another key meanwhile: what signs is the key that was read.
            key_id: answer.key_id().unwrap_or(key_id).to_owned(),
            public_jwk,
        })
    }
}

impl Signer for KmsKey {
    fn public_jwk(&self) -> &PublicJwk {
        &self.public_jwk
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Signature, SignError>> {
        async move {
            // The digest, not the message: KMS takes at most 4,096 bytes, and need not see the claims.
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message);
            let sign = self
                .kms
                .sign()
                .key_id(&self.key_id)
                .message_type(MessageType::Digest)
                .message(Blob::new(digest.as_ref()))
                .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
            let answer = self.kms.send(&sign).await;
            let answer =
                answer.map_err(|fault| SignError::Remote(Box::new(CallError::from_sdk(fault))))?;
            let der = answer.signature().map(AsRef::as_ref).unwrap_or_default();
            Ok(ecdsa_der_to_raw(der)?)
        }
        .boxed()
    }
}
