//! Names, resolved to addresses that may be reached.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

use crate::allowed::Allowed;

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Resolves a name to those of its addresses that may be reached. The connection is made to what was checked here, so a
/// name cannot change its address between check and use ("DNS rebinding").
pub(crate) struct GuardedResolver {
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) allowed: Arc<Allowed>,
}

#[derive(Debug, Error)]
#[error("the name has no address that may be reached")]
pub(crate) struct ResolveError;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = Arc::clone(&self.allowed);
        let host = name.as_str().to_owned();
        let resolving = self.resolver.resolve(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = resolving
                .await?
                .filter(|address| allowed.may_connect(&host, address.ip()))
                .collect();
            if addresses.is_empty() {
                return Err(ResolveError.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
