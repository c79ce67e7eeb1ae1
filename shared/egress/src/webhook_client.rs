//! Posts of deliveries to whoever wants to be told.

use std::error::Error;
use std::io;
use std::time::Duration;

use bestow_runtime::{ConfigError, Env};
use bestow_webhooks::ports::{Answer, Post, Receiver};
use bestow_webhooks::{AttemptError, LONGEST_WAIT};
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Url};

use crate::allowed::Allowed;
use crate::guarded_client::{GuardedClient, Limits, SendError};
use crate::retry_after::retry_after;

/// Nobody reads what a receiver answers: so much is taken off the wire that the connection can be used again.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(5),
    total_timeout: Duration::from_secs(20),
    body_bytes: 64 << 10,
};

/// Posts through the guard.
#[derive(Debug, Clone)]
pub struct WebhookClient {
    http: GuardedClient,
}

impl WebhookClient {
    /// Reads `EGRESS_ALLOW`.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let allowed = Allowed::from_env(env)?;
        Self::new(allowed, LIMITS).map_err(|fault| ConfigError::invalid("EGRESS_ALLOW", fault))
    }

    /// A client that posts to the public internet, and to what is `allowed`. Fails when TLS cannot be set up.
    pub fn new(allowed: Allowed, limits: Limits) -> Result<Self, reqwest::Error> {
        let http = GuardedClient::new(allowed, limits)?;
        Ok(Self { http })
    }
}

impl Receiver for WebhookClient {
    async fn post(&self, post: Post<'_>) -> Answer {
        let Ok(url) = Url::parse(post.url.as_str()) else {
            return Answer::None(AttemptError::UrlError);
        };
        let request = self
            .http
            .request(Method::POST, url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", post.webhook_id)
            .header("webhook-timestamp", post.webhook_timestamp)
            .header("webhook-signature", post.webhook_signature)
            .body(post.body.to_owned());
        match self.http.send_and_cut(request).await {
            Ok(answer) => Answer::Received {
                http_status: answer.status.as_u16(),
                retry_after: retry_after(&answer.headers, Timestamp::now(), LONGEST_WAIT),
            },
            Err(fault) => Answer::None(reason(&fault)),
        }
    }
}

fn reason(fault: &SendError) -> AttemptError {
    match fault {
        SendError::UrlError(_) | SendError::Unsendable(_) => AttemptError::UrlError,
        SendError::ForbiddenAddress => AttemptError::ForbiddenAddress,
        SendError::Timeout => AttemptError::Timeout,
        SendError::Unreachable(fault) => why_unreachable(fault),
        SendError::Broken(_) | SendError::TooLarge { .. } => AttemptError::ConnectionBroken,
    }
}

/// While a connection is made, invalid data and an unexpected end are the TLS handshake's.
fn why_unreachable(fault: &reqwest::Error) -> AttemptError {
    let mut cause: Option<&(dyn Error + 'static)> = fault.source();
    while let Some(inner) = cause {
        let Some(fault) = inner.downcast_ref::<io::Error>() else {
            cause = inner.source();
            continue;
        };
        match fault.kind() {
            io::ErrorKind::ConnectionRefused => return AttemptError::ConnectionRefused,
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => return AttemptError::Tls,
            // Its source would be the one of what it wraps.
            _ => cause = fault.get_ref().map(|wrapped| wrapped as _),
        }
    }
    AttemptError::Unreachable
}

#[cfg(test)]
mod tests {
    use super::*;
    use bestow_webhooks::CallbackUrl;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What comes of a post over TLS to someone who answers with `answer` and hangs up.
    async fn post_to(answer: &'static [u8]) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 4096]).await;
            let _ = connection.write_all(answer).await;
        });
        let client = WebhookClient::new("127.0.0.1".parse().unwrap(), LIMITS).unwrap();
        let url = CallbackUrl::new(&url);
        client
            .post(Post {
                url: &url,
                webhook_id: "id".to_owned(),
                webhook_timestamp: 1,
                webhook_signature: "v1,".to_owned(),
                body: "{}",
            })
            .await
    }

    #[tokio::test]
    async fn whoever_does_not_speak_tls_is_told_from_whoever_is_away() {
        for answer in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
            assert_eq!(post_to(answer).await, Answer::None(AttemptError::Tls));
        }
    }
}
