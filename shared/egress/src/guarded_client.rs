//! The one HTTP client that requests of ours leave through.

use std::error::Error;
use std::iter::successors;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};

use crate::allowed::{Allowed, UrlError};
use crate::guarded_resolver::{GuardedResolver, ResolveError, SystemResolver};

/// How long a request may take, and how large an answer may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For resolving the name, and for connecting with TLS.
    pub connect_timeout: Duration,
    /// For the whole request, from resolving the name to the answer's last byte.
    pub total_timeout: Duration,
    /// The largest answer body, in bytes.
    pub body_bytes: usize,
}

/// An HTTP client that follows no redirects, uses no proxy, keeps within its [`Limits`], and reaches public addresses by
/// https only, except what is [`Allowed`]. Clones share connections.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    http: reqwest::Client,
    allowed: Arc<Allowed>,
    body_bytes: usize,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer. The messages name neither the URL nor anything that was sent or received.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The URL may not be called.
    #[error("the URL {0}")]
    UrlError(#[from] UrlError),
    /// The host resolves to no address that may be reached.
    #[error("the host is at an address that may not be reached")]
    ForbiddenAddress,
    /// There was no complete answer in time.
    #[error("there was no answer in time")]
    Timeout,
    /// The name could not be resolved, the connection not be made, or TLS not be agreed on.
    #[error("the connection could not be made")]
    Unreachable(#[source] reqwest::Error),
    /// The answer's body is larger than the limit.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The connection broke, or what came was not HTTP.
    #[error("the exchange broke off")]
    Broken(#[source] reqwest::Error),
    /// The request could not be built.
    #[error("the request could not be built")]
    Unsendable(#[source] reqwest::Error),
}

impl GuardedClient {
    /// A client that reaches the public internet, and what is `allowed`. Fails when TLS cannot be set up.
    pub fn new(allowed: Allowed, limits: Limits) -> Result<Self, reqwest::Error> {
        Self::with_resolver(allowed, limits, Arc::new(SystemResolver))
    }

    /// Like [`GuardedClient::new`], with another resolver than the operating system's. It is trusted as little.
    pub fn with_resolver(
        allowed: Allowed,
        limits: Limits,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, reqwest::Error> {
        let allowed = Arc::new(allowed);
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.total_timeout)
            .dns_resolver(GuardedResolver {
                resolver,
                allowed: Arc::clone(&allowed),
            })
            .user_agent(concat!("bestow/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            allowed,
            body_bytes: limits.body_bytes,
        })
    }

    /// Whether `url` may be called, as far as that can be said without resolving a name.
    pub fn check(&self, url: &Url) -> Result<(), UrlError> {
        self.allowed.check(url)
    }

    /// Begins a request, to be handed to [`GuardedClient::send`].
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends `request` and reads the answer, whatever its status. A redirect is an answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        let (answer, is_whole) = self.exchange(request).await?;
        is_whole.map(|()| answer)
    }

    /// Like [`GuardedClient::send`], but a body that is too large, breaks off or does not come in time is cut there.
    pub async fn send_and_cut(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        let (answer, _is_whole) = self.exchange(request).await?;
        Ok(answer)
    }

    /// The answer with what was read of its body, and why that is not all of it, if so.
    async fn exchange(
        &self,
        request: RequestBuilder,
    ) -> Result<(Answer, Result<(), SendError>), SendError> {
        let request = request
            .build()
            .map_err(|fault| SendError::Unsendable(fault.without_url()))?;
        // An address in the URL never comes to the resolver.
        self.allowed.check(request.url())?;
        let mut response = self.http.execute(request).await.map_err(send_error)?;
        let mut body = Vec::new();
        let is_whole = read_up_to(&mut response, self.body_bytes, &mut body).await;
        let answer = Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body,
        };
        Ok((answer, is_whole))
    }
}

/// Reads the body, up to `limit` bytes.
async fn read_up_to(
    response: &mut Response,
    limit: usize,
    body: &mut Vec<u8>,
) -> Result<(), SendError> {
    while let Some(chunk) = response.chunk().await.map_err(send_error)? {
        let room = limit - body.len();
        body.extend(chunk.iter().take(room));
        if chunk.len() > room {
            return Err(SendError::TooLarge { limit });
        }
    }
    Ok(())
}

fn send_error(fault: reqwest::Error) -> SendError {
    let fault = fault.without_url();
    if is_forbidden_address(&fault) {
        SendError::ForbiddenAddress
    } else if fault.is_timeout() {
        SendError::Timeout
    } else if fault.is_connect() {
        SendError::Unreachable(fault)
    } else {
        SendError::Broken(fault)
    }
}

fn is_forbidden_address(fault: &reqwest::Error) -> bool {
    successors(fault.source(), |&cause| cause.source()).any(|cause| cause.is::<ResolveError>())
}
