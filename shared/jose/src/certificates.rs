//! Certificate chains as JOSE carries them in `x5c`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use serde_json::Value;
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert,
};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::public_jwk::{JwkError, PublicJwk};

/// Each costs a parse, and no real chain is longer.
const MAX_CERTIFICATES: usize = 8;

/// What authorities sign certificates with: ECDSA, and RSA with PKCS#1 v1.5, which many still use.
static SIGNATURE_ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 7] = [
    webpki::aws_lc_rs::ECDSA_P256_SHA256,
    webpki::aws_lc_rs::ECDSA_P256_SHA384,
    webpki::aws_lc_rs::ECDSA_P384_SHA256,
    webpki::aws_lc_rs::ECDSA_P384_SHA384,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA384,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA512,
];

/// Why a certificate chain is refused. Positions count from 1, the leaf.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ChainError {
    #[error("the certificate chain is empty")]
    Empty,
    #[error("the certificate chain has more than {MAX_CERTIFICATES} certificates")]
    TooLong,
    #[error("the certificate chain is not PEM")]
    Pem,
    /// `x5c` is not an array of strings in standard base64 (RFC 7515 §4.1.6).
    #[error("x5c must be an array of certificates in standard base64")]
    X5c,
    #[error("certificate {position} is malformed")]
    Malformed { position: usize },
    #[error("the leaf certificate's key is refused: {0}")]
    LeafKey(#[source] JwkError),
    #[error("the leaf certificate's key is not the signing key")]
    OtherKey,
    #[error("certificate {position} certifies the signing key: the leaf must come first")]
    LeafNotFirst { position: usize },
    /// The leaf is its own issuer, which HAIP 1.0 §6.1.1 forbids.
    #[error("the leaf certificate is self-signed: it must be issued by another certificate")]
    LeafSelfSigned,
    #[error("certificate {position} is not issued by the one that follows it")]
    Order { position: usize },
    #[error("certificate {position} is valid only from {not_before}")]
    NotYetValid {
        position: usize,
        not_before: Timestamp,
    },
    #[error("certificate {position} has expired at {not_after}")]
    Expired {
        position: usize,
        not_after: Timestamp,
    },
    #[error("the certificate path is not valid: {0}")]
    Path(#[source] webpki::Error),
}

/// One or more X.509 certificates, leaf first: parsed, not trusted.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateChain {
    /// Never empty.
    certificates: Vec<CertificateDer<'static>>,
}

impl CertificateChain {
    /// Takes DER certificates, leaf first. Each must parse.
    pub fn from_der(certificates: Vec<CertificateDer<'static>>) -> Result<Self, ChainError> {
        if certificates.is_empty() {
            return Err(ChainError::Empty);
        }
        if certificates.len() > MAX_CERTIFICATES {
            return Err(ChainError::TooLong);
        }
        let chain = Self { certificates };
        chain.parsed()?;
        Ok(chain)
    }

    /// Reads the `CERTIFICATE` sections of a PEM text, leaf first.
    pub fn from_pem(pem: &str) -> Result<Self, ChainError> {
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| ChainError::Pem)?;
        Self::from_der(certificates)
    }

    /// Reads the value of an `x5c` header (RFC 7515 §4.1.6): an array of standard base64 strings.
    pub fn from_x5c(x5c: &Value) -> Result<Self, ChainError> {
        let encoded = x5c.as_array().ok_or(ChainError::X5c)?;
        if encoded.len() > MAX_CERTIFICATES {
            return Err(ChainError::TooLong);
        }
        let certificates = encoded
            .iter()
            .map(|entry| {
                let der = entry.as_str().and_then(|text| STANDARD.decode(text).ok());
                der.map(CertificateDer::from).ok_or(ChainError::X5c)
            })
            .collect::<Result<Vec<_>, _>>()?;
        Self::from_der(certificates)
    }

    /// The certificates as the entries of an `x5c` header: standard base64, leaf first.
    pub fn to_x5c(&self) -> Vec<String> {
        self.certificates
            .iter()
            .map(|certificate| STANDARD.encode(certificate))
            .collect()
    }

    /// The certificates in DER, leaf first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// The public key of the leaf.
    pub fn leaf_key(&self) -> Result<PublicJwk, ChainError> {
        let certificates = self.parsed()?;
        let leaf = certificates.first().ok_or(ChainError::Empty)?;
        key_of(leaf).map_err(ChainError::LeafKey)
    }

    /// The last moment at which none of the certificates has expired.
    pub fn not_after(&self) -> Result<Timestamp, ChainError> {
        let ends = self
            .parsed()?
            .into_iter()
            .map(|certificate| timestamp(certificate.tbs_certificate().validity().not_after));
        ends.min().ok_or(ChainError::Empty)
    }

    /// Validates the path from the leaf to one of the anchors: signatures, validity, basic constraints, name
    /// constraints and path lengths (RFC 5280 §6). Extended key usage is not checked: none is registered for
    /// issuing credentials.
    pub fn verify_path(
        &self,
        anchors: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<(), ChainError> {
        let (leaf, intermediates) = self.certificates.split_first().ok_or(ChainError::Empty)?;
        let leaf = EndEntityCert::try_from(leaf).map_err(ChainError::Path)?;
        let anchors = anchors
            .iter()
            .map(anchor_from_trusted_cert)
            .collect::<Result<Vec<_>, _>>()
            .map_err(ChainError::Path)?;
        let now = UnixTime::since_unix_epoch(now.as_duration().try_into().unwrap_or_default());
        leaf.verify_for_usage(
            &SIGNATURE_ALGORITHMS,
            &anchors,
            intermediates,
            now,
            AnyPurpose,
            None,
            None,
        )
        .map(|_| ())
        .map_err(ChainError::Path)
    }

    /// Checks that the chain certifies `key`, and drops the self-signed anchor at its end, which HAIP 1.0
    /// §6.1.1 wants left out.
    pub fn for_signing_key(mut self, key: &PublicJwk, now: Timestamp) -> Result<Self, ChainError> {
        let certificates = self.parsed()?;
        check_leaf(&certificates, key)?;
        check_links(&certificates)?;
        check_validity(&certificates, now)?;
        if let [leaf_and_more @ .., last] = self.certificates.as_slice()
            && !leaf_and_more.is_empty()
        {
            let below_last = Self {
                certificates: leaf_and_more.to_vec(),
            };
            below_last.verify_path(std::slice::from_ref(last), now)?;
        }
        if certificates.last().is_some_and(is_self_issued) {
            self.certificates.pop();
        }
        Ok(self)
    }

    fn parsed(&self) -> Result<Vec<Certificate>, ChainError> {
        (1..)
            .zip(&self.certificates)
            .map(|(position, der)| {
                Certificate::from_der(der).map_err(|_| ChainError::Malformed { position })
            })
            .collect()
    }
}

impl fmt::Debug for CertificateChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateChain")
            .field("length", &self.certificates.len())
            .finish()
    }
}

fn check_leaf(certificates: &[Certificate], key: &PublicJwk) -> Result<(), ChainError> {
    let leaf = certificates.first().ok_or(ChainError::Empty)?;
    let leaf_key = key_of(leaf);
    if leaf_key.as_ref() != Ok(key) {
        let certifies_key = |certificate| key_of(certificate).as_ref() == Ok(key);
        if let Some(index) = certificates.iter().position(certifies_key) {
            return Err(ChainError::LeafNotFirst {
                position: index + 1,
            });
        }
        return Err(leaf_key.map_or_else(ChainError::LeafKey, |_| ChainError::OtherKey));
    }
    if is_self_issued(leaf) {
        return Err(ChainError::LeafSelfSigned);
    }
    Ok(())
}

fn check_links(certificates: &[Certificate]) -> Result<(), ChainError> {
    for (position, (certificate, next)) in
        (1..).zip(certificates.iter().zip(certificates.iter().skip(1)))
    {
        if certificate.tbs_certificate().issuer() != next.tbs_certificate().subject() {
            return Err(ChainError::Order { position });
        }
    }
    Ok(())
}

fn check_validity(certificates: &[Certificate], now: Timestamp) -> Result<(), ChainError> {
    for (position, certificate) in (1..).zip(certificates) {
        let validity = certificate.tbs_certificate().validity();
        let not_before = timestamp(validity.not_before);
        let not_after = timestamp(validity.not_after);
        if now < not_before {
            return Err(ChainError::NotYetValid {
                position,
                not_before,
            });
        }
        // The end is a whole second, all of which is still valid.
        if now.as_second() > not_after.as_second() {
            return Err(ChainError::Expired {
                position,
                not_after,
            });
        }
    }
    Ok(())
}

/// X.509 ends at the year 9999, as `Timestamp` does.
fn timestamp(time: x509_cert::time::Time) -> Timestamp {
    time.to_unix_duration()
        .try_into()
        .ok()
        .and_then(|since_epoch| Timestamp::from_duration(since_epoch).ok())
        .unwrap_or(Timestamp::MAX)
}

fn is_self_issued(certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    tbs.issuer() == tbs.subject()
}

fn key_of(certificate: &Certificate) -> Result<PublicJwk, JwkError> {
    let spki = certificate.tbs_certificate().subject_public_key_info();
    PublicJwk::from_spki_der(&spki.to_der().map_err(|_| JwkError::Spki)?)
}

/// Accepts every extended key usage.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}
