//! What requests of ours may reach: the public internet by https, and what the operator lists.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;

use bestow_runtime::{ConfigError, Env};
use ipnet::IpNet;
use thiserror::Error;
use url::{Host, Url};

use crate::address::{is_metadata, is_public, read_network};

/// Hosts and networks that may be reached although they are not on the public internet, and by plain http. The default
/// is none. A host's name opens whatever addresses it has, but a metadata service only its address does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    hosts: BTreeSet<String>,
    networks: Vec<IpNet>,
}

/// An entry of the operator's list that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the entry \"{0}\" {1}")]
pub struct AllowedEntryError(String, String);

/// Why a URL may not be called, to be read after the name of the field that has it; none repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Another scheme.
    #[error("is not an http or https URL: give one such as https://backend.example/hook")]
    Scheme,
    /// A user name or a password before the host.
    #[error("has a user name or a password in it: leave them out")]
    UserInfo,
    /// A host that is an address which is not public.
    #[error(
        "is at an address that is not public: give a host on the public internet; whoever operates this service can \
         allow others (EGRESS_ALLOW)"
    )]
    Address,
    /// Plain http.
    #[error(
        "is plain http: give an https URL; whoever operates this service can allow http to a host (EGRESS_ALLOW)"
    )]
    Insecure,
    /// A port of another protocol.
    #[error("has port {0}, which is another protocol's: leave the port out")]
    Port(u16),
}

impl Allowed {
    /// `EGRESS_ALLOW`: host names, IP addresses and networks (CIDR), separated by commas. Unset, none. A fault names
    /// the variable and the entry.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        Ok(env.parsed("EGRESS_ALLOW")?.unwrap_or_default())
    }

    /// The hosts of `urls`, which whoever deploys Bestow chose.
    pub fn hosts_of<'a>(urls: impl IntoIterator<Item = &'a Url>) -> Self {
        let mut allowed = Self::default();
        for host in urls.into_iter().filter_map(Url::host) {
            match address_of(&host) {
                Ok(address) => allowed.networks.push(address.into()),
                Err(name) => allowed.add_host(name),
            }
        }
        allowed
    }

    /// Whether a request may be sent to `url`, as far as that can be said without resolving a name.
    pub fn check(&self, url: &Url) -> Result<(), UrlError> {
        let host = match (url.scheme(), url.host()) {
            ("http" | "https", Some(host)) => host,
            _ => return Err(UrlError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::UserInfo);
        }
        let (is_listed, may_be_public) = match address_of(&host) {
            Ok(address) => (self.lists(address), is_public(address)),
            Err(name) => (self.lists_host(name), !is_localhost(name)),
        };
        if is_listed {
            return Ok(());
        }
        if !may_be_public {
            return Err(UrlError::Address);
        }
        if url.scheme() != "https" {
            return Err(UrlError::Insecure);
        }
        match url.port() {
            Some(port) if OTHER_PROTOCOLS.contains(&port) => Err(UrlError::Port(port)),
            _ => Ok(()),
        }
    }

    /// Whether a connection may be made to `address`, which `host` was resolved to.
    pub(crate) fn may_connect(&self, host: &str, address: IpAddr) -> bool {
        self.lists(address)
            || is_public(address)
            || (self.lists_host(host) && !is_metadata(address))
    }

    fn lists(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    fn lists_host(&self, name: &str) -> bool {
        self.hosts.contains(without_dot(name))
    }

    fn add_host(&mut self, name: &str) {
        self.hosts.insert(without_dot(name).to_owned());
    }
}

impl FromStr for Allowed {
    type Err = AllowedEntryError;

    fn from_str(list: &str) -> Result<Self, Self::Err> {
        let mut allowed = Self::default();
        for entry in list.split(',').map(str::trim) {
            let invalid = |reason: String| AllowedEntryError(entry.to_owned(), reason);
            match read_network(entry) {
                Ok(Some(network)) => allowed.networks.push(network),
                Ok(None) => allowed.add_host(&host_name(entry).map_err(invalid)?),
                Err(fault) => return Err(invalid(fault)),
            }
        }
        Ok(allowed)
    }
}

/// The address that a host is, or its name.
fn address_of<'a>(host: &Host<&'a str>) -> Result<IpAddr, &'a str> {
    match *host {
        Host::Domain(name) => Err(name),
        Host::Ipv4(address) => Ok(address.into()),
        Host::Ipv6(address) => Ok(address.into()),
    }
}

fn host_name(entry: &str) -> Result<String, String> {
    const WANTED: &str = "give a host name, an IP address or a network such as 10.0.0.0/8";
    if entry.is_empty() {
        return Err(format!("is empty: {WANTED}"));
    }
    if entry.contains("://") {
        return Err(format!("is a URL: {WANTED}"));
    }
    if entry.contains('*') {
        return Err(format!("has a wildcard, and there are none: {WANTED}"));
    }
    match Host::parse(entry) {
        Ok(Host::Domain(name)) if name.bytes().all(is_of_a_name) => Ok(name),
        Ok(Host::Ipv4(address)) => Err(format!("is an unusual way to write {address}: write that")),
        Ok(Host::Ipv6(address)) => Err(format!("has brackets: write {address}")),
        _ => Err(format!("is none: {WANTED}, without a port")),
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// A name that always means the machine itself (RFC 6761 §6.3).
fn is_localhost(name: &str) -> bool {
    let name = without_dot(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// A dot at the end says that a name is complete; it is the same name without.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The "bad ports" of the Fetch standard: <https://fetch.spec.whatwg.org/#port-blocking>.
const OTHER_PROTOCOLS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
    465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
    993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
    6668, 6669, 6679, 6697, 10080,
];

#[cfg(test)]
mod tests;
