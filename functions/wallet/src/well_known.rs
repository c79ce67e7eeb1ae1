//! The issuer's own documents: metadata, keys, DID. They depend on the configuration alone, so they
//! are written once, at start, and served as they are; compressed to who takes that, because the metadata of the
//! issuer are most of what an issuance sends.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use bestow_issuer::{Issuer, paths};
use bytes::Bytes;
use flate2::Compression;
use serde_json::Value;

use crate::SharedWallet;
use crate::gzip::{accepts_gzip, gzip};

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
    let document = Arc::new(Document {
        plain: content.to_string().into(),
        gzipped: OnceLock::new(),
    });
    get(async move |headers: HeaderMap| document.answer(&headers))
}

struct Document {
    plain: Bytes,
    /// Made for the first who takes it: a process may never be asked.
    gzipped: OnceLock<Bytes>,
}

impl Document {
    fn answer(&self, headers: &HeaderMap) -> Response {
        let common = [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, CACHED),
            (VARY, ACCEPT_ENCODING.as_str()),
        ];
        if accepts_gzip(headers) {
            let gzipped = self
                .gzipped
                .get_or_init(|| gzip(&self.plain, Compression::best()));
            (common, [(CONTENT_ENCODING, "gzip")], gzipped.clone()).into_response()
        } else {
            (common, self.plain.clone()).into_response()
        }
    }
}
