//! The bundled organisation wallet: the issue contract towards the backend, OpenID4VCI 1.0 towards the
//! customer's wallet, status lists towards whoever verifies.
//!
//! The protocol is in `issuer`, the storage in `bundled_wallet`; in between there are only routes.

mod api_key;
mod backend_api;
mod callbacks;
mod config;
mod protocol;
mod published_lists;
mod well_known;

use std::str::FromStr;
use std::sync::Arc;

use aws::CallError;
use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::response::{IntoResponse, Response};
use contract::Problem;
use issuer::{Offer, OfferId};
use runtime::http::with_problem_fallbacks;
use runtime::{ConfigError, Env};

use crate::backend_api::OpenList;
use crate::config::Config;
use crate::published_lists::PublishedLists;

/// What the routes share.
struct Wallet {
    config: Config,
    open_list: OpenList,
    published_lists: PublishedLists,
}

type SharedWallet = Arc<Wallet>;

impl Wallet {
    /// The offer as it stands, if there is one of this id.
    async fn offer(&self, offer_id: &OfferId) -> Result<Option<Offer>, Problem> {
        self.config
            .table
            .offer(offer_id)
            .await
            .map_err(|fault| unavailable(&fault))
    }
}

/// The parameter of a path, or that it is no text: then it names nothing here, which is the handler's to
/// say.
type PathParameter = Result<Path<String>, PathRejection>;

fn parsed<T: FromStr>(parameter: PathParameter) -> Option<T> {
    parameter.ok().and_then(|Path(text)| text.parse().ok())
}

/// The wallet's routes, configured from `env`: `CREDENTIAL_ISSUER`, `WALLET_TABLE`, `WALLET_API_KEY`,
/// `WALLET_SECRET`, `SIGNING_KMS_KEY_ID` or `SIGNING_KEY`, `SIGNING_CERTIFICATE_CHAIN`,
/// `OFFER_LIFETIME_SECONDS`, `EGRESS_ALLOW`. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let config = Config::from_env(env).await?;
    let api_key = config.api_key.clone();
    let documents = well_known::routes(&config.issuer);
    let wallet = Arc::new(Wallet {
        config,
        open_list: OpenList::default(),
        published_lists: PublishedLists::default(),
    });
    let public = protocol::routes()
        .merge(documents)
        .merge(published_lists::routes())
        .layer(protocol::cors());
    let routes = public
        .merge(backend_api::routes(api_key))
        .with_state(wallet);
    Ok(with_problem_fallbacks(routes))
}

/// An answer that holds secrets or is out of date at once: never to be stored (RFC 6749 §5.1).
fn uncached(answer: impl IntoResponse) -> Response {
    let headers = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    (headers, answer).into_response()
}

/// A problem of a kind that the contract does not have: it says no more than its HTTP status (RFC 9457
/// §4.2.1).
fn plain_problem(status: StatusCode, detail: impl Into<String>) -> Problem {
    Problem {
        type_uri: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        ..Problem::not_found(detail)
    }
}

/// A failed call to AWS: the cause is logged, the caller only learns that it was not its fault.
fn unavailable(fault: &CallError) -> Problem {
    tracing::error!(%fault, "the wallet's table could not be used");
    Problem::unavailable("The wallet cannot reach its storage: try again in a moment.")
        .with_retry_after_seconds(1)
}
