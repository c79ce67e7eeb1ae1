//! Who signs: a key, its name, and the certificates that vouch for it.

use std::fmt;
use std::sync::Arc;

use bestow_jose::{CertificateChain, ChainError, ES256, PublicJwk};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::signer::Signer;

/// What a credential or a status list is signed with.
#[derive(Clone)]
pub struct SigningIdentity {
    signer: Arc<dyn Signer>,
    kid: String,
    chain: Option<CertificateChain>,
}

impl SigningIdentity {
    /// A key without certificates. `kid` names it in the published JWK Set.
    pub fn new(signer: Arc<dyn Signer>, kid: impl Into<String>) -> Self {
        Self {
            signer,
            kid: kid.into(),
            chain: None,
        }
    }

    /// Adds the certificates that go into `x5c`: leaf first; a self-signed anchor at the end is left out (HAIP 1.0
    /// §6.1.1). The error says what does not fit.
    pub fn with_chain(
        mut self,
        chain: CertificateChain,
        now: Timestamp,
    ) -> Result<Self, ChainError> {
        self.chain = Some(chain.for_signing_key(self.signer.public_jwk(), now)?);
        Ok(self)
    }

    /// The key.
    pub fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }

    /// The key's public half.
    pub fn public_jwk(&self) -> &PublicJwk {
        self.signer.public_jwk()
    }

    /// The key's name in the published JWK Set.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The header of a JWS that the key signs: `alg`, `typ`, `kid` and, with certificates, `x5c`.
    pub fn header(&self, typ: &str) -> Map<String, Value> {
        let mut header = Map::from_iter([
            ("alg".to_owned(), ES256.into()),
            ("typ".to_owned(), typ.into()),
            ("kid".to_owned(), self.kid().into()),
        ]);
        if let Some(chain) = &self.chain {
            header.insert("x5c".to_owned(), chain.to_x5c().into());
        }
        header
    }

    /// The certificates for `x5c`, leaf first, without the anchor.
    pub fn chain(&self) -> Option<&CertificateChain> {
        self.chain.as_ref()
    }
}

impl fmt::Debug for SigningIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningIdentity")
            .field("kid", &self.kid)
            .field("public_jwk", self.public_jwk())
            .field("chain", &self.chain)
            .finish()
    }
}
