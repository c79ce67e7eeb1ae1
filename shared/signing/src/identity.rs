//! Who signs: a key, its name, and the certificates that vouch for it.

use std::fmt;
use std::sync::Arc;

use bestow_jose::{CertificateChain, ChainError, PublicJwk};

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

    /// Adds the certificates that go into `x5c`: leaf first, the self-signed anchor last or absent
    /// (it is left out of `x5c`, HAIP 1.0 §6.1.1). Times are Unix seconds.
    ///
    /// The error names what does not fit: the leaf certifies another key, the leaf is not first or
    /// is self-signed, a certificate is not issued by the next one, or is not valid now.
    pub fn with_chain(
        mut self,
        chain: CertificateChain,
        now_seconds: i64,
    ) -> Result<Self, ChainError> {
        self.chain = Some(chain.for_signing_key(self.signer.public_jwk(), now_seconds)?);
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
