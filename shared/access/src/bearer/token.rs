//! What an access token must be and say, as a JWT (RFC 9068).

use std::collections::BTreeSet;
use std::time::Duration;

use bestow_contract::Scope;
use bestow_jose::jws::{JwsError, Keys, Policy, Types};
use bestow_jose::{Algorithm, Audience, ClaimsError};
use jiff::Timestamp;
use serde_json::{Map, Value};
use thiserror::Error;

/// The longest token that is read, in bytes.
const LONGEST: usize = 8 * 1024;
/// How far the clocks of the authorization server and ours may differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// The longest client id that is accepted.
const LONGEST_CLIENT: usize = 200;

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The OAuth client that it was given to.
    pub(crate) client: String,
    /// What it allows.
    pub(crate) scopes: BTreeSet<Scope>,
}

/// What is wrong with a token. The messages are for its sender, and repeat nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TokenError {
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    #[error("it is not a JWT")]
    Malformed,
    #[error("it is a JWT of another type: its typ must be at+jwt or JWT, or left out")]
    Type,
    #[error("its signature algorithm is none of RS256, PS256, ES256 and EdDSA")]
    Algorithm,
    #[error("its header names no key (kid), or has an extension that is not known here (crit)")]
    Header,
    #[error("the authorization server has no such key as its kid names")]
    UnknownKey,
    #[error("its signature is not the authorization server's")]
    Signature,
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    #[error("it does not name the client that it was issued to (client_id, azp or sub)")]
    NoClient,
}

/// What a token must say.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// The value of `iss`.
    pub(crate) issuer: String,
    /// A value of `aud`.
    pub(crate) audience: String,
}

pub(super) const POLICY: Policy<'static> = Policy {
    algorithms: Algorithm::ALL,
    // RFC 9068 §2.1; many servers write JWT, or nothing.
    types: Types::AnyCaseOrNone(&["at+jwt", "application/at+jwt", "jwt"]),
    keys: Keys::ByName,
    max_bytes: LONGEST,
};

impl From<JwsError> for TokenError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::TooLarge { .. } => Self::TooLong,
            JwsError::Algorithm => Self::Algorithm,
            JwsError::Type => Self::Type,
            JwsError::Critical | JwsError::Kid => Self::Header,
            JwsError::Signature => Self::Signature,
            _ => Self::Malformed,
        }
    }
}

/// What the claims of a verified token grant at `now`, if they say what is `expected`.
pub(super) fn granted(
    mut claims: Map<String, Value>,
    expected: &Expected,
    now: Timestamp,
) -> Result<Granted, TokenError> {
    // Some servers write null for what they leave out.
    claims.retain(|_, value| !value.is_null());
    let registered = bestow_jose::Expected {
        issuer: Some(&expected.issuer),
        audience: Some(Audience::Among(&expected.audience)),
        must_expire: true,
        late: LEEWAY,
        early: LEEWAY,
        ..bestow_jose::Expected::default()
    };
    registered.check(&claims, now)?;
    let mut clients = ["client_id", "azp", "sub"]
        .into_iter()
        .filter_map(|name| claims.get(name));
    let client = clients
        .next()
        .and_then(Value::as_str)
        .filter(|client| is_plain(client))
        .ok_or(TokenError::NoClient)?;
    let prefix = format!("{}/", expected.audience);
    // Microsoft Entra, Okta and others call it `scp`; Entra has `roles` instead for a client without a user.
    let names = ["scope", "scp", "roles"]
        .into_iter()
        .filter_map(|name| claims.get(name))
        .flat_map(one_or_more)
        .flat_map(|names| names.split(' '));
    Ok(Granted {
        client: client.to_owned(),
        // Some servers put the API's name before each scope.
        scopes: names
            .filter_map(|name| name.strip_prefix(&prefix).unwrap_or(name).parse().ok())
            .collect(),
    })
}

/// The strings in a claim that is one or an array of them. Other forms, such as roles that are objects, name nothing.
fn one_or_more(claim: &Value) -> impl Iterator<Item = &str> {
    let all = match claim {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    all.iter().filter_map(Value::as_str)
}

/// Whether a client id can stand in a log and in the name of an item.
fn is_plain(client: &str) -> bool {
    (1..=LONGEST_CLIENT).contains(&client.len())
        && client
            .chars()
            .all(|character| matches!(character, '!'..='~'))
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
