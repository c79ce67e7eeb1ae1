//! The issuer's own documents: metadata, keys, DID. They depend on the configuration alone, so they
//! are written once and served as they are.

use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use issuer::{Issuer, paths};
use serde_json::Value;

use crate::SharedWallet;

/// Seconds for which a document may be cached. Short enough for a new key to be seen in time: keys are
/// published well before they sign.
const CACHED: &str = "public, max-age=300";

pub(crate) fn routes() -> Router<SharedWallet> {
    Router::new()
        .route(
            paths::CREDENTIAL_ISSUER_METADATA,
            document(Issuer::credential_issuer_metadata),
        )
        .route(
            paths::AUTHORIZATION_SERVER_METADATA,
            document(Issuer::authorization_server_metadata),
        )
        .route(
            paths::OPENID_CONFIGURATION,
            document(Issuer::authorization_server_metadata),
        )
        .route(
            paths::JWT_VC_ISSUER,
            document(Issuer::jwt_vc_issuer_metadata),
        )
        .route(paths::DID_DOCUMENT, document(Issuer::did_document))
        .route(paths::JWKS, document(Issuer::jwks))
}

fn document(of: fn(&Issuer) -> Value) -> axum::routing::MethodRouter<SharedWallet> {
    get(
        async move |State(wallet): State<SharedWallet>| -> Response {
            ([(CACHE_CONTROL, CACHED)], Json(of(&wallet.config.issuer))).into_response()
        },
    )
}
