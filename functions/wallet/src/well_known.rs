//! The issuer's own documents: metadata, keys, DID. They depend on the configuration alone, so they
//! are written once, at start, and served as they are.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use bestow_issuer::{Issuer, paths};
use bytes::Bytes;
use serde_json::Value;

use crate::SharedWallet;

/// Seconds for which a document may be cached: how late a new key or template may be noticed.
const CACHED: &str = "public, max-age=300";

pub(crate) fn routes(issuer: &Issuer) -> Router<SharedWallet> {
    let authorization_server = document(&issuer.authorization_server_metadata());
    Router::new()
        .route(
            paths::CREDENTIAL_ISSUER_METADATA,
            document(&issuer.credential_issuer_metadata()),
        )
        .route(
            paths::AUTHORIZATION_SERVER_METADATA,
            authorization_server.clone(),
        )
        .route(paths::OPENID_CONFIGURATION, authorization_server)
        .route(
            paths::JWT_VC_ISSUER,
            document(&issuer.jwt_vc_issuer_metadata()),
        )
        .route(paths::DID_DOCUMENT, document(&issuer.did_document()))
        .route(paths::JWKS, document(&issuer.jwks()))
}

fn document(content: &Value) -> MethodRouter<SharedWallet> {
    let body = Bytes::from(content.to_string());
    get(async move || {
        let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, CACHED)];
        (headers, body.clone()).into_response()
    })
}
