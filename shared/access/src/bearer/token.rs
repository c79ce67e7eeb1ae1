//! An access token as a JWT (RFC 9068), read and judged.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contract::Scope;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use thiserror::Error;

use super::jwk::{Algorithm, VerificationKey};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;
/// How far the clocks of the authorization server and ours may differ, in seconds.
const LEEWAY_SECONDS: i64 = 30;
/// The longest client id that is taken.
const LONGEST_CLIENT: usize = 200;

/// What a token says, when it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The OAuth client that it was given to.
    pub(crate) client: String,
    /// What it allows.
    pub(crate) scopes: BTreeSet<Scope>,
}

/// What is wrong with a token. The messages are for whoever sent it; none repeats any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TokenFault {
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
    #[error("it was issued by another authorization server than this API trusts (iss)")]
    Issuer,
    #[error("it was issued for another API (aud)")]
    Audience,
    #[error("it does not say when it expires (exp)")]
    NoExpiry,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet (nbf)")]
    NotYet,
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

/// A token whose header has been read, and nothing else of it believed.
#[derive(Debug)]
pub(crate) struct Unverified<'a> {
    pub(super) kid: String,
    algorithm: Algorithm,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<OneOrMore>,
    exp: Option<f64>,
    nbf: Option<f64>,
    scope: Option<OneOrMore>,
    /// As Microsoft Entra, Okta and others name it.
    scp: Option<OneOrMore>,
    /// What Microsoft Entra has instead, where a client has no user.
    roles: Option<OneOrMore>,
    client_id: Option<String>,
    azp: Option<String>,
    sub: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
    /// Servers give claims forms of their own, such as roles that are objects. These name nothing.
    Other(IgnoredAny),
}

impl OneOrMore {
    fn iter(&self) -> impl Iterator<Item = &str> {
        let all = match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
            Self::Other(_) => &[],
        };
        all.iter().map(String::as_str)
    }
}

impl<'a> Unverified<'a> {
    pub(super) fn read(token: &'a str) -> Result<Self, TokenFault> {
        if token.len() > LONGEST {
            return Err(TokenFault::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenFault::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenFault::Malformed)?;
        if payload.contains('.') {
            return Err(TokenFault::Malformed);
        }
        let header: Header = json(&decoded(header)?)?;
        // RFC 9068 §2.1; many servers write JWT, or nothing. A type of another use is another use's.
        let typ = header.typ.as_deref().map(str::to_ascii_lowercase);
        if !matches!(
            typ.as_deref(),
            None | Some("at+jwt" | "application/at+jwt" | "jwt")
        ) {
            return Err(TokenFault::Type);
        }
        let algorithm = Algorithm::of_name(&header.alg).ok_or(TokenFault::Algorithm)?;
        let (Some(kid), None) = (header.kid, header.crit) else {
            return Err(TokenFault::Header);
        };
        Ok(Self {
            kid,
            algorithm,
            signed,
            payload,
            signature: decoded(signature)?,
        })
    }

    /// What the token says, if one of `keys` signed it and it says what is `expected`.
    pub(super) fn verify(
        &self,
        keys: &[VerificationKey],
        expected: &Expected,
        now_ms: i64,
    ) -> Result<Granted, TokenFault> {
        let message = self.signed.as_bytes();
        let mut keys = keys.iter();
        if !keys.any(|key| key.verifies(self.algorithm, message, &self.signature)) {
            return Err(TokenFault::Signature);
        }
        judge_claims(&decoded(self.payload)?, expected, now_ms)
    }
}

/// What these claims grant, which are the payload of a token whose signature is good, if they say what is `expected`.
pub(super) fn judge_claims(
    claims: &[u8],
    expected: &Expected,
    now_ms: i64,
) -> Result<Granted, TokenFault> {
    json::<Claims>(claims)?.judge(expected, now_ms)
}

impl Claims {
    fn judge(&self, expected: &Expected, now_ms: i64) -> Result<Granted, TokenFault> {
        if self.iss.as_deref() != Some(&expected.issuer) {
            return Err(TokenFault::Issuer);
        }
        let mut audiences = self.aud.iter().flat_map(OneOrMore::iter);
        if !audiences.any(|audience| audience == expected.audience) {
            return Err(TokenFault::Audience);
        }
        // Numbers of JSON, which may have a fraction (RFC 7519 §2).
        let (now, leeway) = (now_ms as f64 / 1_000.0, LEEWAY_SECONDS as f64);
        match self.exp {
            None => return Err(TokenFault::NoExpiry),
            Some(exp) if exp + leeway > now => {}
            Some(_) => return Err(TokenFault::Expired),
        }
        if self.nbf.is_some_and(|nbf| nbf - leeway > now) {
            return Err(TokenFault::NotYet);
        }
        let mut clients = [&self.client_id, &self.azp, &self.sub]
            .into_iter()
            .flatten();
        let client = clients.next().filter(|client| is_plain(client));
        let prefix = format!("{}/", expected.audience);
        let names = [&self.scope, &self.scp, &self.roles]
            .into_iter()
            .flatten()
            .flat_map(OneOrMore::iter)
            .flat_map(|names| names.split(' '));
        Ok(Granted {
            client: client.ok_or(TokenFault::NoClient)?.clone(),
            // Some servers put the API's name before each scope.
            scopes: names
                .filter_map(|name| name.strip_prefix(&prefix).unwrap_or(name).parse().ok())
                .collect(),
        })
    }
}

/// Whether a client id can stand in a log and in the name of an item.
fn is_plain(client: &str) -> bool {
    (1..=LONGEST_CLIENT).contains(&client.len())
        && client
            .chars()
            .all(|character| matches!(character, '!'..='~'))
}

fn decoded(part: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenFault::Malformed)
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, TokenFault> {
    serde_json::from_slice(bytes).map_err(|_| TokenFault::Malformed)
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
