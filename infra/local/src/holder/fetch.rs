//! The holder's HTTP client: bounded in time and size, and without redirects.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::HolderError;

const TIMEOUT: Duration = Duration::from_secs(20);
/// More than any status list of the bundled wallet has.
const MAX_BODY_BYTES: usize = 8 << 20;

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// The error object of OAuth 2.0 and OpenID4VCI, and what the issue contract's problems have.
#[derive(Default, Deserialize)]
struct ErrorBody {
    error: Option<String>,
    error_description: Option<String>,
    detail: Option<String>,
}

/// A client for everything that the holder asks.
pub(super) fn client() -> Result<Client, HolderError> {
    Client::builder()
        .timeout(TIMEOUT)
        .redirect(Policy::none())
        .build()
        .map_err(|fault| HolderError::malformed("this machine's TLS", fault))
}

/// Sends a request, and reads the answer whatever its status is.
pub(super) async fn send(request: RequestBuilder, url: &str) -> Result<Answer, HolderError> {
    let unreachable = |reason: String| HolderError::Unreachable {
        url: printable(url),
        reason,
    };
    let mut response = request
        .send()
        .await
        .map_err(|fault| unreachable(root_cause(&fault)))?;
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let mut answer = Answer {
        status: response.status(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body: Vec::new(),
    };
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|fault| unreachable(root_cause(&fault)))?
    {
        answer.body.extend_from_slice(&chunk);
        if answer.body.len() > MAX_BODY_BYTES {
            return Err(unreachable("its answer is too large".to_owned()));
        }
    }
    Ok(answer)
}

/// The step in which a credential's status list is fetched.
pub(super) const STATUS_LIST: &str = "the status list";

impl Answer {
    /// The JSON body of a success; otherwise the refusal of `step`.
    pub(super) fn json<T: DeserializeOwned>(self, step: &'static str) -> Result<T, HolderError> {
        let answer = self.success(step)?;
        serde_json::from_slice(&answer.body).map_err(|fault| HolderError::malformed(step, fault))
    }

    /// This answer, if it is a success; otherwise the refusal of `step`.
    pub(super) fn success(self, step: &'static str) -> Result<Self, HolderError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let refusal: ErrorBody = serde_json::from_slice(&self.body).unwrap_or_default();
        let hint = match refusal.error.as_deref() {
            Some("invalid_grant") => {
                ". The offer was used already or is over, or the transaction code is wrong; for a \
                 new offer start another issuance"
            }
            _ if self.status == StatusCode::NOT_FOUND && step == STATUS_LIST => {
                ". The issuer may keep its data elsewhere now than when the credential was issued"
            }
            _ if matches!(self.status, StatusCode::NOT_FOUND | StatusCode::GONE) => {
                ". If the offer was used already or is over, start another issuance"
            }
            _ => "",
        };
        let description = refusal.error_description.or(refusal.detail);
        let parts = [refusal.error, description].into_iter().flatten();
        let answer = parts.fold(self.status.as_u16().to_string(), |answer, part| {
            format!("{answer}, {}", printable(&part))
        });
        Err(HolderError::Refused { step, answer, hint })
    }
}

/// Text from elsewhere, without what would steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// What really happened: reqwest's own message says only that sending failed.
fn root_cause(fault: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = fault;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_from_elsewhere_does_not_steer_the_terminal() {
        let url = "\u{1b}]0;owned\u{7}";
        let fault = send(client().unwrap().post(url), url).await.err().unwrap();
        assert!(!fault.to_string().contains('\u{1b}'), "{fault:?}");
    }
}
