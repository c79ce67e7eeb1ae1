//! Status lists as the world sees them.
//!
//! A list is not stored: it is built from the entries that are not valid, signed, and kept in the
//! process for exactly the version that it was built for. So a change that has been answered is in
//! every list that is fetched after it, and there is no publisher that could die halfway.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use aws::CallError;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use contract::Problem;
use flate2::Compression;
use flate2::write::GzEncoder;
use issuer::{LIST_TTL_SECONDS, ListNumber, paths};
use runtime::http::Refusal;

use crate::config::now_seconds;
use crate::{SharedWallet, Wallet, unavailable};

/// `application/statuslist+jwt` (Token Status List §8.1).
const MEDIA_TYPE: &str = "application/statuslist+jwt";
/// Lists that a process keeps. Verifiers ask for few lists at a time; an evicted one is built again.
const KEPT: usize = 16;

pub(crate) fn routes() -> Router<SharedWallet> {
    Router::new().route(paths::STATUS_LIST, get(status_list))
}

/// The lists that this process has built.
#[derive(Default)]
pub(crate) struct PublishedLists(Mutex<HashMap<ListNumber, PublishedList>>);

/// A signed list, good for one version and for as long as verifiers are told to keep it.
#[derive(Clone)]
struct PublishedList {
    version: u64,
    signed_at_seconds: i64,
    token: Bytes,
    gzipped: Bytes,
}

impl PublishedList {
    fn is_good(&self, version: u64, now_seconds: i64) -> bool {
        self.version == version && now_seconds - self.signed_at_seconds < LIST_TTL_SECONDS
    }

    /// Changes whenever the token does: with the version, and with each new signature.
    fn etag(&self) -> String {
        format!("\"{}-{}\"", self.version, self.signed_at_seconds)
    }
}

async fn status_list(
    State(wallet): State<SharedWallet>,
    Path(list): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if query.is_some_and(|query| asks_for_the_past(&query)) {
        return Err(no_history().into());
    }
    let unknown = || Problem::not_found("There is no such status list.");
    let list: ListNumber = list.parse().map_err(|_| unknown())?;
    let published = wallet.published_list(list).await?.ok_or_else(unknown)?;

    let etag = published.etag();
    let caching = [
        (ETAG, etag.clone()),
        (CACHE_CONTROL, format!("public, max-age={LIST_TTL_SECONDS}")),
        (VARY, ACCEPT_ENCODING.to_string()),
    ];
    if mentions(&headers, IF_NONE_MATCH.as_str(), &etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let answer = if mentions(&headers, ACCEPT_ENCODING.as_str(), "gzip") {
        (
            caching,
            [(CONTENT_TYPE, MEDIA_TYPE), (CONTENT_ENCODING, "gzip")],
            published.gzipped,
        )
            .into_response()
    } else {
        (caching, [(CONTENT_TYPE, MEDIA_TYPE)], published.token).into_response()
    };
    Ok(answer)
}

/// Whether the list of another time is asked for, `?time=SECONDS` (Token Status List §8.4).
fn asks_for_the_past(query: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some("time"))
}

/// Past lists are not kept, which is told apart from a list that never was.
fn no_history() -> Problem {
    Problem {
        type_uri: "about:blank".to_owned(),
        title: "Not Implemented".to_owned(),
        status: StatusCode::NOT_IMPLEMENTED.as_u16(),
        ..Problem::not_found("Only the present list is kept: leave out `time`.")
    }
}

/// Whether one of the comma-separated members of a header is `member`, weak or with parameters too.
fn mentions(headers: &HeaderMap, name: &str, member: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|found| found.split(';').next())
        .any(|found| found.trim().trim_start_matches("W/") == member)
}

impl Wallet {
    /// The list as it is now. None if it has not been begun.
    async fn published_list(&self, list: ListNumber) -> Result<Option<PublishedList>, Problem> {
        let now_seconds = now_seconds();
        // The version is read before the entries: then they hold at least what it counts.
        let version = self
            .config
            .table
            .list_version(list)
            .await
            .map_err(|fault| unavailable(&fault))?;
        let kept = self.published_lists.kept(list);
        if let Some(kept) = kept.filter(|kept| kept.is_good(version, now_seconds)) {
            return Ok(Some(kept));
        }
        if version == 0
            && !self
                .is_begun(list)
                .await
                .map_err(|fault| unavailable(&fault))?
        {
            return Ok(None);
        }
        let built = self.build(list, version, now_seconds).await?;
        self.published_lists.keep(list, built.clone());
        Ok(Some(built))
    }

    async fn is_begun(&self, list: ListNumber) -> Result<bool, CallError> {
        Ok(list <= self.config.table.current_list().await?)
    }

    async fn build(
        &self,
        list: ListNumber,
        version: u64,
        now_seconds: i64,
    ) -> Result<PublishedList, Problem> {
        let entries = self
            .config
            .table
            .list_entries(list)
            .await
            .map_err(|fault| unavailable(&fault))?;
        let token = self
            .config
            .issuer
            .status_list_token(list, &entries, now_seconds)
            .await
            .map_err(|fault| {
                tracing::error!(%list, %fault, "a status list could not be signed");
                Problem::unavailable("The status list cannot be signed: try again in a moment.")
                    .with_retry_after_seconds(1)
            })?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let gzipped = gzip
            .write_all(token.as_bytes())
            .and_then(|()| gzip.finish())
            .map_err(|_| Problem::internal())?;
        Ok(PublishedList {
            version,
            signed_at_seconds: now_seconds,
            token: token.into(),
            gzipped: gzipped.into(),
        })
    }
}

impl PublishedLists {
    fn kept(&self, list: ListNumber) -> Option<PublishedList> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&list)
            .cloned()
    }

    fn keep(&self, list: ListNumber, built: PublishedList) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT && !kept.contains_key(&list) {
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.signed_at_seconds);
            if let Some(oldest) = oldest.map(|(&list, _)| list) {
                kept.remove(&oldest);
            }
        }
        kept.insert(list, built);
    }
}
