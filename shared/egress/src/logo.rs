//! Logos that are linked to.

use std::sync::OnceLock;
use std::time::Duration;

use bestow_contract::{FieldError, Logo, QrCode};
use reqwest::{Method, StatusCode, Url};

use crate::allowed::Allowed;
use crate::guarded_client::{GuardedClient, Limits, SendError};

/// Short, because whoever starts an issuance waits for it.
const LIMITS: Limits = Limits {
    connect_timeout: Duration::from_secs(1),
    total_timeout: Duration::from_secs(2),
    body_bytes: Logo::MAX_BYTES,
};

const POINTER: &str = "/qr_code/logo_uri";

/// Fetches the logos of QR codes.
#[derive(Debug)]
pub struct Logos {
    allowed: Allowed,
    /// Made for the first link: to read the system's certificates is half of a function's start.
    http: OnceLock<GuardedClient>,
}

impl Logos {
    /// Logos of the public internet, and of what is `allowed`.
    #[must_use]
    pub const fn new(allowed: Allowed) -> Self {
        Self {
            allowed,
            http: OnceLock::new(),
        }
    }

    /// What is wrong with the link to the logo, if there is one, as far as that can be said without following it.
    pub fn check(&self, options: &QrCode) -> Result<(), Vec<FieldError>> {
        let checked = options.logo_link().map(|link| self.allowed.check(link));
        checked
            .unwrap_or(Ok(()))
            .map_err(|fault| vec![FieldError::new(POINTER, fault.to_string())])
    }

    /// The options with the logo itself where they linked to it.
    pub async fn embed(&self, options: QrCode) -> Result<QrCode, FieldError> {
        let Some(link) = options.logo_link().cloned() else {
            return Ok(options);
        };
        let logo = self.fetch(link).await;
        logo.map(|logo| options.with_logo(logo))
            .map_err(|reason| FieldError::new(POINTER, reason))
    }

    fn http(&self) -> Result<&GuardedClient, reqwest::Error> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = GuardedClient::new(self.allowed.clone(), LIMITS)
            .inspect_err(|fault| tracing::error!(%fault, "TLS cannot be set up to fetch logos"))?;
        Ok(self.http.get_or_init(|| http))
    }

    /// The reason is for the caller: it tells nothing of what is behind an address that is not public.
    async fn fetch(&self, link: Url) -> Result<Logo, String> {
        const WANTED: &str =
            "give a link that anyone can follow, or the picture itself as a data URI";
        let Ok(http) = self.http() else {
            return Err(format!("could not be fetched: {WANTED}"));
        };
        let answer = match http.send(http.request(Method::GET, link)).await {
            Ok(answer) => answer,
            Err(
                fault @ (SendError::UrlError(_) | SendError::TooLarge { .. } | SendError::Timeout),
            ) => {
                return Err(format!("could not be fetched, because {fault}: {WANTED}"));
            }
            Err(_) => return Err(format!("could not be fetched: {WANTED}")),
        };
        if answer.status != StatusCode::OK {
            let status = answer.status.as_u16();
            return Err(format!(
                "could not be fetched: the answer was {status}; {WANTED}"
            ));
        }
        Logo::from_file(answer.body).map_err(|fault| format!("leads to a file that {fault}"))
    }
}
