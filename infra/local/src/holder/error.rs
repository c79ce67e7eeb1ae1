//! Why a credential was not taken, or is not to be trusted.

use std::error::Error;
use std::path::PathBuf;

use bestow_credential::SdJwtError;
use bestow_jose::{ChainError, JwkError};
use bestow_status_list::StatusListError;

/// Why a credential was not taken. The message is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HolderError {
    /// The argument is not an offer.
    #[error(
        "this is not a credential offer: {reason}. Give the request_uri of Start issue's answer, in \
         quotes: accept 'openid-credential-offer://?credential_offer_uri=…'"
    )]
    NotAnOffer {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nothing answers.
    #[error(
        "{url} cannot be reached: {reason}. Is the issuer running? The local cloud is started with: cargo run"
    )]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The issuer refused a step.
    #[error("the issuer refused {step}: {answer}{hint}")]
    Refused {
        /// Which step.
        step: &'static str,
        /// Status, error code and description.
        answer: String,
        /// What to do, as a sentence after a full stop; or nothing.
        hint: &'static str,
    },
    /// The offer asks for a transaction code.
    #[error(
        "this offer asks for a transaction code{description}. Give the one that Start issue answered \
         to the backend: accept … --tx-code N"
    )]
    TxCodeNeeded {
        /// What the issuer says about it, in brackets; or nothing.
        description: String,
    },
    /// The offer has no grant that this holder knows.
    #[error("this holder takes offers with a pre-authorized code only, and this one has none")]
    NoPreAuthorizedCode,
    /// An answer is not what the specification says.
    #[error("{what} is not as it should be: {reason}")]
    Malformed {
        /// Whose.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The credential came, but it is not to be trusted. The issuer has been told.
    #[error("the credential was refused: {0}")]
    NotTrusted(#[from] TrustError),
    /// The credential cannot be kept.
    #[error(
        "cannot keep anything in {path}: {reason}. Choose another directory with --data-dir DIR"
    )]
    Keep {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        reason: String,
    },
}

/// Why a credential, or its status, is not to be trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum TrustError {
    /// Signature, disclosures or times are not acceptable.
    #[error("{}", with_causes(.0))]
    SdJwt(#[from] SdJwtError),
    /// The certificate that it names has no key of the right kind.
    #[error("its certificate is refused: {}", with_causes(.0))]
    Chain(#[from] ChainError),
    /// A key that it names is none.
    #[error("a key in it is refused: {0}")]
    Key(#[from] JwkError),
    /// The issuer publishes no key of that name.
    #[error("the issuer publishes no key with the identifier that signed it")]
    UnknownKey,
    /// A claim is missing or says something else.
    #[error("its claim {claim} {reason}")]
    Claim {
        /// Which.
        claim: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Its entry in the status list cannot be relied on.
    #[error("its status cannot be relied on: {}", with_causes(.0))]
    Status(#[from] StatusListError),
    /// What is needed to verify it cannot be fetched.
    #[error("{0}")]
    Fetch(String),
}

impl HolderError {
    pub(super) fn malformed(what: &'static str, reason: impl ToString) -> Self {
        Self::Malformed {
            what,
            reason: reason.to_string(),
        }
    }
}

/// The messages of an error and of what caused it.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
