//! Why a credential was not taken, or is not to be trusted.

use std::error::Error;
use std::iter::successors;

use bestow_credential::SdJwtError;
use bestow_jose::{ChainError, JwkError};
use bestow_status_list::StatusListError;

use crate::data::data_dir::DataDirError;

/// Why a credential was not taken. The message is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HolderError {
    #[error(
        "this is not a credential offer: {0}. Give the request_uri of Start issue's answer, in \
         quotes: accept 'openid-credential-offer://?credential_offer_uri=…'"
    )]
    NotAnOffer(&'static str),
    #[error(
        "{url} cannot be reached: {reason}. Is the issuer running? The local cloud is started with: cargo run"
    )]
    Unreachable { url: String, reason: String },
    /// `answer` is status, error code and description; `hint` what to do, as a sentence after a full stop, or nothing.
    #[error("the issuer refused {step}: {answer}{hint}")]
    Refused {
        step: &'static str,
        answer: String,
        hint: &'static str,
    },
    /// What the issuer says about the code, in brackets; or nothing.
    #[error(
        "this offer asks for a transaction code{0}. Give the one that Start issue answered \
         to the backend: accept … --tx-code N"
    )]
    TxCodeNeeded(String),
    #[error("this holder takes offers with a pre-authorized code only, and this one has none")]
    NoPreAuthorizedCode,
    /// An answer is not what the specification says, or a file is not what was written.
    #[error("{what} is not as it should be: {reason}")]
    Malformed { what: &'static str, reason: String },
    /// The credential came, but it is not to be trusted. The issuer has been told.
    #[error("the credential was refused: {0}")]
    NotTrusted(#[from] TrustError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

/// Why a credential, or its status, is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TrustError {
    #[error("{}", with_causes(.0))]
    SdJwt(#[from] SdJwtError),
    #[error("its certificate is refused: {}", with_causes(.0))]
    Chain(#[from] ChainError),
    #[error("a key in it is refused: {0}")]
    Key(#[from] JwkError),
    #[error("the issuer publishes no key with the identifier that signed it")]
    UnknownKey,
    #[error("its claim {claim} {reason}")]
    Claim {
        claim: &'static str,
        reason: &'static str,
    },
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
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let messages: Vec<String> = successors(Some(error), |error| (*error).source())
        .map(ToString::to_string)
        .collect();
    messages.join(": ")
}
