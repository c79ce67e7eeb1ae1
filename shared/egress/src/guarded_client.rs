//! The one HTTP client that requests of ours leave through.

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode, Url, redirect};
use thiserror::Error;
use url::Host;

use crate::address::is_public;

/// How long a request may take and how much an answer may weigh.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For resolving the name, and for connecting with TLS.
    pub connect_timeout: Duration,
    /// For the whole request, from resolving the name to the answer's last byte.
    pub total_timeout: Duration,
    /// The largest answer body, in bytes. Reading stops there.
    pub body_bytes: usize,
}

/// An HTTP client that follows no redirects, uses no proxy, keeps within its [`Limits`], and reaches
/// public addresses by https only, except at the hosts that the operator has named.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    http: reqwest::Client,
    operators_hosts: Arc<BTreeSet<String>>,
    body_bytes: usize,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer. The messages name neither the URL nor anything that was sent or received.
#[derive(Debug, Error)]
pub enum SendError {
    /// The URL's scheme is not https, and its host is not the operator's.
    #[error("only https URLs may be called")]
    InsecureScheme,
    /// The host is, or resolves to, an address that is not public, and is not the operator's.
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
    /// A client for which the hosts of `operators_urls`, and no others, may be at any address and be
    /// called by plain http: whoever deploys Bestow chose them. Fails when TLS cannot be set up.
    pub fn new<'a>(
        operators_urls: impl IntoIterator<Item = &'a Url>,
        limits: Limits,
    ) -> Result<Self, reqwest::Error> {
        let operators_hosts: BTreeSet<String> = operators_urls
            .into_iter()
            .filter_map(|url| url.host_str().map(str::to_owned))
            .collect();
        let operators_hosts = Arc::new(operators_hosts);
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.total_timeout)
            .dns_resolver(GuardedResolver {
                operators_hosts: Arc::clone(&operators_hosts),
            })
            .user_agent(concat!("bestow/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            operators_hosts,
            body_bytes: limits.body_bytes,
        })
    }

    /// Begins a request, to be handed to [`GuardedClient::send`].
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends `request` and reads the answer, whatever its status. A redirect is an answer.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, SendError> {
        let request = request
            .build()
            .map_err(|fault| SendError::Unsendable(fault.without_url()))?;
        self.check(request.url())?;
        let mut response = self.http.execute(request).await.map_err(send_error)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(send_error)? {
            if body.len() + chunk.len() > self.body_bytes {
                return Err(SendError::TooLarge {
                    limit: self.body_bytes,
                });
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(Answer {
            status: response.status(),
            headers,
            body,
        })
    }

    /// What can be said before resolving. An address in the URL never comes to the resolver.
    fn check(&self, url: &Url) -> Result<(), SendError> {
        if url
            .host_str()
            .is_some_and(|host| self.operators_hosts.contains(host))
        {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(SendError::InsecureScheme);
        }
        match url.host() {
            Some(Host::Ipv4(address)) if is_public(address.into()) => Ok(()),
            Some(Host::Ipv6(address)) if is_public(address.into()) => Ok(()),
            Some(Host::Domain(_)) => Ok(()),
            _ => Err(SendError::ForbiddenAddress),
        }
    }
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
    let mut cause: Option<&(dyn StdError + 'static)> = fault.source();
    while let Some(inner) = cause {
        if inner.is::<NoPublicAddress>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// Resolves a name to those of its addresses that may be reached. The connection is made to what was
/// checked here, so a name cannot change its address between check and use.
#[derive(Debug)]
struct GuardedResolver {
    operators_hosts: Arc<BTreeSet<String>>,
}

#[derive(Debug, Error)]
#[error("the name has no public address")]
struct NoPublicAddress;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let any_address = self.operators_hosts.contains(name.as_str());
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| any_address || is_public(address.ip()))
                .collect();
            if addresses.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connect_timeout: Duration::from_secs(2),
        total_timeout: Duration::from_secs(2),
        body_bytes: 1_000,
    };

    async fn send(url: &str) -> SendError {
        let operators = Url::parse("http://wallet.example").unwrap();
        let client = GuardedClient::new([&operators], LIMITS).unwrap();
        let request = client.request(Method::GET, Url::parse(url).unwrap());
        client.send(request).await.unwrap_err()
    }

    #[tokio::test]
    async fn addresses_in_the_url_are_checked() {
        for url in [
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "https://2130706433/",
        ] {
            assert!(
                matches!(send(url).await, SendError::ForbiddenAddress),
                "{url}"
            );
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_when_it_is_resolved() {
        assert!(matches!(
            send("https://localhost/").await,
            SendError::ForbiddenAddress
        ));
    }

    #[tokio::test]
    async fn plain_http_is_for_the_operators_hosts_alone() {
        assert!(matches!(
            send("http://backend.example/").await,
            SendError::InsecureScheme
        ));
    }
}
