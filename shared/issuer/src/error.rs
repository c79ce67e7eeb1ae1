//! The error codes of the protocol, each with its HTTP status, and their JSON form.

use std::fmt;

use bestow_sealing::CryptoError;
use serde_json::{Value, json};

use crate::nonce::{NONCE_LIFETIME, NonceResponse};

/// The codes of OpenID4VCI 1.0 §6.3, §8.3.1.2 and §11.3, RFC 6749 §5.2, RFC 6750 §3.1 and RFC 9396 §5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs, reason = "the specifications' names")]
pub enum ErrorCode {
    /// Token request malformed; `tx_code` missing or not expected.
    InvalidRequest,
    /// Pre-authorized code unknown, expired or used; wrong `tx_code`.
    InvalidGrant,
    UnsupportedGrantType,
    /// `authorization_details` malformed or for something that was not offered.
    InvalidAuthorizationDetails,
    /// No access token at all. RFC 6750 §3.1 wants no error code then.
    MissingToken,
    /// Access token unknown, expired or used up.
    InvalidToken,
    /// Access token good, but not for this credential.
    InsufficientScope,
    InvalidCredentialRequest,
    UnknownCredentialConfiguration,
    /// No such Credential Dataset.
    UnknownCredentialIdentifier,
    /// Draft 13: no such format.
    UnsupportedCredentialFormat,
    /// Draft 13: no such credential type.
    UnsupportedCredentialType,
    /// A key proof is missing, malformed or does not verify.
    InvalidProof,
    /// A key proof's `c_nonce` is not ours or too old.
    InvalidNonce,
    InvalidEncryptionParameters,
    /// The credential will not be issued; trying again is of no use.
    CredentialRequestDenied,
    InvalidNotificationId,
    InvalidNotificationRequest,
    ServerError,
}

impl ErrorCode {
    /// The code on the wire; none for [`ErrorCode::MissingToken`].
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::MissingToken => None,
            code => Some(code.into()),
        }
    }

    /// The HTTP status of an answer with this code.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::MissingToken | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::ServerError => 500,
            _ => 400,
        }
    }
}

/// A refusal in the words of the protocol. It repeats nothing of the request, and nothing of our inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.as_str().unwrap_or("no access token"))]
pub struct ProtocolError {
    code: ErrorCode,
    description: String,
    fresh_nonce: Option<NonceResponse>,
}

impl ProtocolError {
    /// A refusal with a sentence for the developer of the other wallet. Characters that `error_description` may not
    /// have (RFC 6749 §5.2) are replaced.
    pub fn new(code: ErrorCode, description: impl fmt::Display) -> Self {
        let description = description
            .to_string()
            .chars()
            .map(|character| match character {
                '"' => '\'',
                ' '..='~' if character != '\\' => character,
                _ => '?',
            })
            .collect();
        Self {
            code,
            description,
            fresh_nonce: None,
        }
    }

    /// A refusal that is our own fault. What went wrong stays inside.
    pub fn server_error() -> Self {
        Self::new(
            ErrorCode::ServerError,
            "something went wrong here: try again",
        )
    }

    /// Adds the `c_nonce` that wallets of draft 13 and 14 take from an `invalid_proof` answer.
    pub fn with_fresh_nonce(mut self, nonce: NonceResponse) -> Self {
        self.fresh_nonce = Some(nonce);
        self
    }

    /// The code.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// The HTTP status to answer with.
    pub const fn http_status(&self) -> u16 {
        self.code.http_status()
    }

    /// The value of `WWW-Authenticate` (RFC 6750 §3), with a 401 or 403.
    pub fn www_authenticate(&self) -> Option<String> {
        if !matches!(self.http_status(), 401 | 403) {
            return None;
        }
        Some(match self.code.as_str() {
            None => "Bearer".to_owned(),
            Some(code) => format!(
                "Bearer error=\"{code}\", error_description=\"{}\"",
                self.description
            ),
        })
    }

    /// The JSON body. An empty object when there is no code to tell.
    pub fn body(&self) -> Value {
        let Some(code) = self.code.as_str() else {
            return json!({});
        };
        let mut body = json!({"error": code, "error_description": self.description});
        if let (Some(nonce), Some(members)) = (&self.fresh_nonce, body.as_object_mut()) {
            members.insert("c_nonce".to_owned(), json!(nonce.c_nonce));
            members.insert(
                "c_nonce_expires_in".to_owned(),
                json!(NONCE_LIFETIME.as_secs()),
            );
        }
        body
    }
}

impl From<CryptoError> for ProtocolError {
    fn from(_: CryptoError) -> Self {
        Self::server_error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_keeps_to_the_characters_that_oauth_allows() {
        let error = ProtocolError::new(ErrorCode::InvalidRequest, "\"quoted\" \\ naïve\n~");
        assert_eq!(error.description(), "'quoted' ? na?ve?~");
    }

    #[test]
    fn without_a_token_the_challenge_has_no_error() {
        let error = ProtocolError::new(ErrorCode::MissingToken, "an access token is needed");
        assert_eq!(error.http_status(), 401);
        assert_eq!(error.www_authenticate().as_deref(), Some("Bearer"));
        assert_eq!(error.body(), json!({}));
    }

    #[test]
    fn a_bad_token_is_named_in_the_challenge() {
        let error = ProtocolError::new(ErrorCode::InvalidToken, "it has expired");
        assert_eq!(
            error.www_authenticate().as_deref(),
            Some("Bearer error=\"invalid_token\", error_description=\"it has expired\"")
        );
    }
}
