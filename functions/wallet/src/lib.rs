//! The bundled organisation wallet: the issue contract towards the backend, OpenID4VCI 1.0 towards the
//! customer's wallet, status lists towards whoever verifies.
//!
//! The protocol is in `issuer`, the storage in `aws::wallet_table`; in between there are only routes.

mod backend_api;
mod config;
mod protocol;
mod published_lists;
mod well_known;

use std::sync::Arc;

use aws::CallError;
use axum::Router;
use contract::Problem;
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

/// The wallet's routes, configured from `env`: `CREDENTIAL_ISSUER`, `WALLET_TABLE`, `WALLET_API_KEY`,
/// `WALLET_SECRET`, `SIGNING_KMS_KEY_ID` or `SIGNING_KEY`, `SIGNING_CERTIFICATE_CHAIN`. A fault names its variable.
pub async fn app(env: &Env) -> Result<Router, ConfigError> {
    let config = Config::from_env(env).await?;
    let api_keys = config.api_keys.clone();
    let wallet = Arc::new(Wallet {
        config,
        open_list: OpenList::default(),
        published_lists: PublishedLists::default(),
    });
    let public = protocol::routes()
        .merge(well_known::routes())
        .merge(published_lists::routes())
        .layer(protocol::cors());
    let routes = public
        .merge(backend_api::routes(api_keys))
        .with_state(wallet);
    Ok(with_problem_fallbacks(routes))
}

/// A failed call to AWS: the cause is logged, the caller only learns that it was not its fault.
fn unavailable(fault: &CallError) -> Problem {
    tracing::error!(%fault, "the wallet's table could not be used");
    Problem::unavailable("The wallet cannot reach its storage: try again in a moment.")
        .with_retry_after_seconds(1)
}
