//! What a caller may do: the scopes of API keys and of access tokens.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One thing that a caller may do `[ours]`. The names are scope tokens of OAuth 2.0 (RFC 6749 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `issue:write`: start issuances, one by one and in bulk.
    IssueWrite,
    /// `issue:read`: read what became of issuances and of bulk jobs.
    IssueRead,
    /// `credential:status`: read, and change, the status of issued credentials.
    CredentialStatus,
    /// `delivery:read`: see how the deliveries of callbacks went.
    DeliveryRead,
    /// `delivery:replay`: have a delivery sent again.
    DeliveryReplay,
}

/// A name that is no scope's. The message lists those that are.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name:?} is not a scope: the scopes are {}", list(Scope::ALL))]
pub struct UnknownScope {
    /// The name.
    pub name: String,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 5] = [
        Self::IssueWrite,
        Self::IssueRead,
        Self::CredentialStatus,
        Self::DeliveryRead,
        Self::DeliveryReplay,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IssueWrite => "issue:write",
            Self::IssueRead => "issue:read",
            Self::CredentialStatus => "credential:status",
            Self::DeliveryRead => "delivery:read",
            Self::DeliveryReplay => "delivery:replay",
        }
    }

    /// What it allows, as a phrase that begins with a verb.
    pub const fn description(self) -> &'static str {
        match self {
            Self::IssueWrite => "Start issuances, one by one and in bulk",
            Self::IssueRead => "Read what became of issuances and of bulk jobs",
            Self::CredentialStatus => "Read and change the status of issued credentials",
            Self::DeliveryRead => "See how the deliveries of callbacks went",
            Self::DeliveryReplay => "Have a delivery sent again",
        }
    }

    /// The scopes of a list that is separated by commas or spaces. The list must not be empty.
    ///
    /// # Errors
    /// The first name that is no scope's.
    pub fn parse_list(list: &str) -> Result<BTreeSet<Self>, UnknownScope> {
        let mut names = list
            .split([',', ' '])
            .filter(|name| !name.is_empty())
            .peekable();
        if names.peek().is_none() {
            return Err(UnknownScope {
                name: String::new(),
            });
        }
        names.map(str::parse).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == name);
        found.ok_or_else(|| UnknownScope {
            name: name.to_owned(),
        })
    }
}

fn list(scopes: impl IntoIterator<Item = Scope>) -> String {
    let names: Vec<_> = scopes.into_iter().map(Scope::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_read_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
        let all = Scope::parse_list(&list(Scope::ALL)).unwrap();
        assert_eq!(all, Scope::ALL.into());
        let two = Scope::parse_list("issue:read issue:write").unwrap();
        assert_eq!(two, [Scope::IssueWrite, Scope::IssueRead].into());
    }

    #[test]
    fn what_is_no_scope_is_named_with_those_that_are() {
        for (list, name) in [
            ("issue:read,isue:write", "isue:write"),
            ("", "\"\""),
            (" ,", "\"\""),
        ] {
            let fault = Scope::parse_list(list).unwrap_err().to_string();
            assert!(
                fault.contains(name) && fault.contains("delivery:replay"),
                "{fault}"
            );
        }
    }
}
