//! What a caller may do: the scopes of API keys and of access tokens.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

/// One thing that a caller may do `[ours]`. The names are scope tokens of OAuth 2.0 (RFC 6749 §3.3).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[strum(parse_err_ty = ScopeError, parse_err_fn = unknown)]
pub enum Scope {
    /// Start issuances, one by one and in bulk.
    #[strum(serialize = "issue:write")]
    IssueWrite,
    /// Read what became of issuances and of bulk jobs.
    #[strum(serialize = "issue:read")]
    IssueRead,
    /// Read, and change, the status of issued credentials.
    #[strum(serialize = "credential:status")]
    CredentialStatus,
    /// See how the deliveries of callbacks went.
    #[strum(serialize = "delivery:read")]
    DeliveryRead,
    /// Have a delivery sent again.
    #[strum(serialize = "delivery:replay")]
    DeliveryReplay,
}

/// A name that is no scope's. The message lists those that are.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name:?} is not a scope: the scopes are {}", names().join(", "))]
pub struct ScopeError {
    /// The name.
    pub name: String,
}

impl Scope {
    /// Every scope.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

fn unknown(name: &str) -> ScopeError {
    ScopeError {
        name: name.to_owned(),
    }
}

fn names() -> Vec<&'static str> {
    Scope::ALL.iter().map(|scope| scope.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_read_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.to_string().parse(), Ok(*scope));
        }
        assert_eq!("issue:write".parse(), Ok(Scope::IssueWrite));
    }

    #[test]
    fn what_is_no_scope_is_named_with_those_that_are() {
        let fault = "isue:write".parse::<Scope>().unwrap_err().to_string();
        assert_eq!(
            fault,
            "\"isue:write\" is not a scope: the scopes are issue:write, issue:read, \
             credential:status, delivery:read, delivery:replay"
        );
    }
}
