//! API keys: callers send a key, the configuration holds only its SHA-256.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use contract::Problem;
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;

use crate::env::{ConfigError, Env};
use crate::http::problem_response;

/// The header that carries a caller's key (`2-contract`: Start issue, "Auth").
const API_KEY_HEADER: &str = "x-api-key";

/// The accepted API keys, as SHA-256 hashes. A key has high entropy (it is made by a machine), so a
/// plain hash is enough to make the configuration worthless to a thief.
#[derive(Clone)]
pub struct ApiKeys {
    hashes: Vec<[u8; 32]>,
}

/// A hash in the configuration that is not 64 hexadecimal digits.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "entry {position} is not the SHA-256 of a key as 64 hexadecimal digits; \
     make one with: printf %s \"$KEY\" | sha256sum"
)]
pub struct InvalidKeyHash {
    /// Which entry of the comma-separated list, counted from 1.
    pub position: usize,
}

/// The SHA-256 of an API key as 64 lower-case hexadecimal digits: the form that the configuration holds.
pub fn hash_api_key(key: &str) -> String {
    sha256(key.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

impl ApiKeys {
    /// Accepts exactly this key.
    pub fn of_key(key: &str) -> Self {
        Self {
            hashes: vec![sha256(key.as_bytes())],
        }
    }

    /// The keys whose hashes are listed in the environment variable `name`.
    pub fn from_env(env: &Env, name: &str) -> Result<Self, ConfigError> {
        env.required(name, "the SHA-256 hashes of the accepted API keys")?
            .parse()
            .map_err(|fault| ConfigError::invalid(name, fault))
    }

    /// Whether `key` is one of the accepted keys. Every stored hash is compared in full, so the time
    /// taken tells neither how much of a guess was right nor which entry matched.
    pub fn accept(&self, key: &[u8]) -> bool {
        let presented = sha256(key);
        self.hashes
            .iter()
            .fold(Choice::from(0), |found, hash| {
                found | hash.ct_eq(&presented)
            })
            .into()
    }

    /// The refusal for a request with these headers, or `Ok` when it carries exactly one accepted key.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let mut presented = headers.get_all(API_KEY_HEADER).iter();
        match (presented.next(), presented.next()) {
            (Some(key), None) if self.accept(key.as_bytes()) => Ok(()),
            (Some(_), None) => Err(Problem::unauthorized(
                "The key in the x-api-key header is not known.",
            )),
            (Some(_), Some(_)) => Err(Problem::unauthorized("Send exactly one x-api-key header.")),
            (None, _) => Err(Problem::unauthorized(
                "Send your API key in the x-api-key header.",
            )),
        }
    }

    /// Axum middleware that lets a request pass only with an accepted key:
    /// `axum::middleware::from_fn_with_state(keys, ApiKeys::require)`.
    pub async fn require(State(keys): State<Self>, request: Request, next: Next) -> Response {
        match keys.authenticate(request.headers()) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem_response(problem),
        }
    }
}

/// Parses a comma-separated list of hashes as [`hash_api_key`] makes them.
impl FromStr for ApiKeys {
    type Err = InvalidKeyHash;

    fn from_str(list: &str) -> Result<Self, InvalidKeyHash> {
        let hashes = list
            .split(',')
            .enumerate()
            .map(|(index, hash)| {
                parse_hash(hash.trim()).ok_or(InvalidKeyHash {
                    position: index + 1,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { hashes })
    }
}

fn parse_hash(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16)?.try_into().ok())
        .collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    bytes.try_into().ok()
}

/// Shows how many keys are accepted, not their hashes.
impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiKeys({} accepted)", self.hashes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_configured_key_is_accepted_and_no_other() {
        let list = format!(
            "{}, {}",
            hash_api_key("first"),
            hash_api_key("second").to_uppercase()
        );
        let keys: ApiKeys = list.parse().unwrap();
        assert!(keys.accept(b"first") && keys.accept(b"second"));
        for stranger in [
            "",
            "firs",
            "first ",
            "third",
            hash_api_key("first").as_str(),
        ] {
            assert!(!keys.accept(stranger.as_bytes()), "{stranger}");
        }
    }

    #[test]
    fn a_bad_hash_is_named_by_its_position() {
        let good = hash_api_key("key");
        for bad in [
            "local-development-key",
            "",
            &good[1..],
            &format!("{good}00"),
            "é",
        ] {
            let fault = format!("{good},{bad}").parse::<ApiKeys>().unwrap_err();
            assert_eq!(fault, InvalidKeyHash { position: 2 }, "{bad}");
        }
    }

    #[test]
    fn two_keys_in_one_request_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(API_KEY_HEADER, "key".parse().unwrap());
        assert!(ApiKeys::of_key("key").authenticate(&headers).is_ok());
        headers.append(API_KEY_HEADER, "key".parse().unwrap());
        assert!(ApiKeys::of_key("key").authenticate(&headers).is_err());
    }
}
