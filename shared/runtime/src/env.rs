//! A function's configuration: environment variables, which are passed in, because the local cloud runs several
//! functions in one process.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use thiserror::Error;
use url::Url;

/// The environment variables of one function.
///
/// An empty variable counts as unset, because a CloudFormation template cannot leave one out by a parameter's value.
/// [`Env::names_read`] remembers the names that were asked for; clones share it.
#[derive(Clone)]
pub struct Env {
    variables: Arc<BTreeMap<String, String>>,
    names_read: Arc<Mutex<BTreeSet<String>>>,
}

/// Why a function cannot start. The message names the variable and says what would be right; it never shows the value,
/// which may be a secret.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A required variable is unset or empty.
    #[error("the environment variable {name} is not set; it must be {expected}")]
    Missing {
        /// The variable's name.
        name: String,
        /// What would be right, as a noun phrase.
        expected: String,
    },
    /// A variable is set to something that cannot be used.
    #[error("the environment variable {name} cannot be used: {reason}")]
    Invalid {
        /// The variable's name.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// Content that is built into the function cannot be used.
    #[error("{0}")]
    Content(String),
}

impl ConfigError {
    /// The error for a variable whose value is wrong. `reason` must not repeat a secret's value.
    pub fn invalid(name: &str, reason: impl Display) -> Self {
        Self::Invalid {
            name: name.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// The error for content that is built into the function. `faults` must name the file.
    pub fn content(faults: impl Display) -> Self {
        Self::Content(faults.to_string())
    }
}

impl Env {
    /// The environment of this process. A variable that is not UTF-8 counts as unset.
    pub fn from_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of `name`, or `None` when it is unset or empty.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.lock_names().insert(name.to_owned());
        let value = self.variables.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// The value of `name`, which the error says must be `expected`: a noun phrase such as `"the name of a table"`.
    pub fn required(&self, name: &str, expected: &str) -> Result<&str, ConfigError> {
        self.optional(name).ok_or_else(|| ConfigError::Missing {
            name: name.to_owned(),
            expected: expected.to_owned(),
        })
    }

    /// The value of `name` parsed as a `T`, or `None` when it is unset or empty.
    pub fn parsed<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        let parsed = self.optional(name).map(str::parse).transpose();
        parsed.map_err(|fault: T::Err| ConfigError::invalid(name, fault))
    }

    /// An absolute `https` URL without query, fragment, credentials or trailing slash, to which paths are appended;
    /// `http` is allowed for loopback hosts.
    pub fn base_url(&self, name: &str) -> Result<String, ConfigError> {
        let value = self.required(name, "an https URL, for example https://issuer.example")?;
        base_url(value).map_err(|reason| ConfigError::invalid(name, reason))
    }

    /// The absolute URL of somebody else's endpoint: `https`, or `http` for a loopback host, without fragment or
    /// credentials. It may have a query and a trailing slash.
    pub fn endpoint_url(&self, name: &str) -> Result<Url, ConfigError> {
        let expected = "an https URL, for example https://login.example/token";
        let value = self.required(name, expected)?;
        endpoint_url(value).map_err(|reason| ConfigError::invalid(name, reason))
    }

    /// A secret of at least 32 characters, for keys to be derived from.
    pub fn master_secret(&self, name: &str) -> Result<SecretString, ConfigError> {
        let value = self.required(name, "a random secret of at least 32 characters")?;
        if value.len() < 32 {
            let reason = "a secret needs at least 32 characters";
            return Err(ConfigError::invalid(name, reason));
        }
        Ok(SecretString::from(value))
    }

    /// Every name that was asked for so far, set or not.
    pub fn names_read(&self) -> BTreeSet<String> {
        self.lock_names().clone()
    }

    fn lock_names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.names_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn base_url(value: &str) -> Result<String, String> {
    let url = endpoint_url(value)?;
    if url.query().is_some() {
        return Err("a base URL has no query".to_owned());
    }
    if value.ends_with('/') {
        return Err("a base URL does not end in a slash".to_owned());
    }
    // A URL writes an empty path as a slash.
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn endpoint_url(value: &str) -> Result<Url, String> {
    let url = Url::parse(value).map_err(|fault| format!("it is not an absolute URL ({fault})"))?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return Err("the URL has no host".to_owned()),
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        other => return Err(format!("the scheme is {other}, and it must be https")),
    }
    if url.fragment().is_some() {
        return Err("a fragment is never sent: leave it out".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("there must be no user name and no password in the URL".to_owned());
    }
    Ok(url)
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        Self {
            variables: Arc::new(variables.collect()),
            names_read: Arc::default(),
        }
    }
}

/// Shows the names, never the values.
impl fmt::Debug for Env {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = formatter.debug_set();
        names.entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(value: &str) -> Env {
        [("NAME", value)].into_iter().collect()
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let fault = env("").required("NAME", "the name of a table").unwrap_err();
        assert_eq!(
            fault.to_string(),
            "the environment variable NAME is not set; it must be the name of a table"
        );
    }

    #[test]
    fn names_are_remembered_when_asked_for_through_a_clone() {
        let env = env("x");
        env.clone().optional("OTHER");
        assert!(env.names_read().contains("OTHER"));
    }

    #[test]
    fn a_base_url_is_https_and_bare() {
        for good in [
            "https://issuer.example",
            "https://issuer.example/wallet",
            "http://127.0.0.1:3000",
        ] {
            assert_eq!(env(good).base_url("NAME").unwrap(), good);
        }
        for bad in [
            "issuer.example",
            "http://issuer.example",
            "https://issuer.example/",
            "https://issuer.example?x=1",
            "https://issuer.example#x",
            "https://me:secret@issuer.example",
            "ftp://issuer.example",
        ] {
            let fault = env(bad).base_url("NAME").expect_err(bad).to_string();
            assert!(
                fault.contains("NAME") && !fault.contains("secret"),
                "{fault}"
            );
        }
    }

    #[test]
    fn an_endpoint_may_have_a_query_and_a_trailing_slash() {
        for good in [
            "https://login.example/o/token/",
            "https://login.example/token?p=POLICY",
            "http://127.0.0.1:3000/token",
        ] {
            let url = env(good).endpoint_url("NAME").unwrap();
            assert_eq!(url.as_str(), good);
        }
        for bad in [
            "login.example/token",
            "http://login.example/token",
            "https://login.example/token#x",
            "https://me:secret@login.example/token",
        ] {
            let fault = env(bad).endpoint_url("NAME").expect_err(bad).to_string();
            assert!(
                fault.contains("NAME") && !fault.contains("secret"),
                "{fault}"
            );
        }
    }

    #[test]
    fn the_debug_form_shows_no_value() {
        assert_eq!(format!("{:?}", env("hunter2")), r#"{"NAME"}"#);
    }
}
