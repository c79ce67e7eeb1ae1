//! The bundled organisation wallet as the world sees it: OpenID4VCI 1.0 towards the customer's wallet, status lists
//! towards whoever verifies. The backend calls it without a request, by `bundled_wallet`.
//!
//! The protocol is in `issuer`, the storage in `bundled_wallet`; in between there are only routes.

mod gzip;
mod protocol;
mod published_lists;
mod well_known;

use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, PRAGMA};
use axum::response::{IntoResponse, Response};
use bestow_aws::CallError;
use bestow_aws::sdk::Sdk;
use bestow_bundled_wallet::{WalletTable, config};
use bestow_contract::Problem;
use bestow_issuer::{Issuer, Offer, OfferId};
use bestow_runtime::http::with_problem_fallbacks;
use bestow_runtime::{ConfigError, Env};

use crate::published_lists::PublishedLists;

/// What the routes share.
struct Wallet {
    issuer: Issuer,
    table: WalletTable,
    published_lists: PublishedLists,
}

type SharedWallet = Arc<Wallet>;

impl Wallet {
    /// The offer as it stands, if there is one of this id.
    async fn offer(&self, offer_id: &OfferId) -> Result<Option<Offer>, Problem> {
        self.table
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

/// The wallet's routes, configured from `env`: `WALLET_TABLE`, and the variables of [`config::issuer`]. A fault names its
/// variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let sdk = Sdk::from_env(env)?;
    let issuer = config::issuer(env, &sdk).await?;
    let documents = well_known::routes(&issuer);
    let wallet = Arc::new(Wallet {
        issuer,
        table: config::table(env, &sdk)?,
        published_lists: PublishedLists::default(),
    });
    let routes = protocol::routes()
        .merge(documents)
        .merge(published_lists::routes())
        .layer(protocol::cors())
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
