//! The key that the backend shows to the wallet.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use contract::Problem;
use runtime::http::problem_response;
use subtle::ConstantTimeEq;

/// The header that carries the key (`contract`: Start issue).
const API_KEY_HEADER: &str = "x-api-key";

/// The one key that is accepted, as its SHA-256: a secret that the deployment made. Callers of the backend have
/// keys of their own (the crate `access`).
#[derive(Clone)]
pub(crate) struct ApiKey {
    hash: [u8; 32],
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

impl ApiKey {
    /// Accepts exactly this key.
    pub(crate) fn new(key: &str) -> Self {
        Self {
            hash: sha256(key.as_bytes()),
        }
    }

    /// Whether `key` is the accepted one. The time taken does not tell how much of a guess was right.
    fn accept(&self, key: &[u8]) -> bool {
        self.hash.ct_eq(&sha256(key)).into()
    }

    /// The refusal for a request with these headers, or `Ok` when it carries exactly one accepted key.
    fn authenticate(&self, headers: &HeaderMap) -> Result<(), Problem> {
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
    /// `axum::middleware::from_fn_with_state(key, ApiKey::require)`.
    pub(crate) async fn require(State(key): State<Self>, request: Request, next: Next) -> Response {
        match key.authenticate(request.headers()) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem_response(problem),
        }
    }
}

/// Hides the hash.
impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_accepted_and_no_other() {
        let key = ApiKey::new("key");
        assert!(key.accept(b"key"));
        for stranger in ["", "ke", "key ", "kez"] {
            assert!(!key.accept(stranger.as_bytes()), "{stranger}");
        }
    }

    #[test]
    fn two_keys_in_one_request_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(API_KEY_HEADER, "key".parse().unwrap());
        assert!(ApiKey::new("key").authenticate(&headers).is_ok());
        headers.append(API_KEY_HEADER, "key".parse().unwrap());
        assert!(ApiKey::new("key").authenticate(&headers).is_err());
    }
}
