//! Callbacks: the backend is told that something happened, as a courtesy.

use std::time::Duration;

use contract::IssueStatus;
use egress::{Limits, SendError};
use issuer::Offer;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode, Url};

use crate::Wallet;
use crate::config::now_seconds;

/// A callback holds up the answer to the customer's wallet, because a function is stopped once it has
/// answered. So it gets a second, with everything that belongs to it.
pub(crate) const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_millis(800),
    total_timeout: Duration::from_secs(1),
    body_bytes: 1024,
};

/// Why a callback did not arrive, for the log.
#[derive(Debug, thiserror::Error)]
enum NotTold {
    #[error(transparent)]
    Unsent(#[from] SendError),
    #[error("the answer was {0}")]
    Refused(StatusCode),
    #[error("the request could not be made")]
    Unsendable,
}

impl Wallet {
    /// Tells the backend of a step that was granted, if it asked to be told. A request that is repeated tells
    /// again: its first answer may have been lost together with the callback. It is tried once and never
    /// fails anything: whoever is not told asks.
    pub(crate) async fn call_back(&self, offer: Option<&Offer>) {
        let Some(offer) = offer else {
            return;
        };
        let status = offer.issue_status(now_seconds());
        let Some(callback) = &offer.callback else {
            return;
        };
        if !callback.wants(&status.status) {
            return;
        }
        if let Err(fault) = self.tell(&callback.url, &status).await {
            log(offer, &fault);
        }
    }

    async fn tell(&self, url: &str, status: &IssueStatus) -> Result<(), NotTold> {
        let http = &self.config.http;
        let url = Url::parse(url).map_err(|_| NotTold::Unsendable)?;
        let body = serde_json::to_vec(status).map_err(|_| NotTold::Unsendable)?;
        let request = http
            .request(Method::POST, url)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let answer = http.send_and_cut(request).await?;
        if answer.status.is_success() {
            Ok(())
        } else {
            Err(NotTold::Refused(answer.status))
        }
    }
}

/// The URL can hold a secret, so it is not named.
fn log(offer: &Offer, fault: &NotTold) {
    tracing::warn!(
        correlation_id = offer.correlation_id.as_str(),
        %fault,
        "the backend could not be told of a change"
    );
}
