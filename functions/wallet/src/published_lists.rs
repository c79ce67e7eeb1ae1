//! Status lists as the world sees them.
//!
//! A list is not stored: it is built from the entries that are not valid, signed, and cached by the process for
//! exactly the version that it was built for. So a change that has been answered is in every list that is fetched
//! after it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bestow_aws::CallError;
use bestow_contract::Problem;
use bestow_issuer::{LIST_TTL, ListNumber, paths};
use bestow_runtime::http::HttpError;
use bestow_status_list::MEDIA_TYPE;
use bytes::Bytes;
use flate2::Compression;
use jiff::{SignedDuration, Timestamp};

use crate::gzip::{accepts_gzip, gzip, members};
use crate::{PathParameter, SharedWallet, Wallet, parsed, plain_problem, unavailable};
use bestow_bundled_wallet::config::now;

/// Time after which a list is signed anew: whoever fetches one can keep it for as long again.
const SIGNED_ANEW: SignedDuration = SignedDuration::from_secs(LIST_TTL.as_secs() / 2);
/// Lists that a process keeps. Verifiers ask for few lists at a time; an evicted one is built again.
const KEPT: usize = 16;

pub(crate) fn routes() -> Router<SharedWallet> {
    Router::new().route(paths::STATUS_LIST, get(status_list))
}

/// The lists that this process has built.
#[derive(Default)]
pub(crate) struct PublishedLists(Mutex<HashMap<ListNumber, PublishedList>>);

/// A signed list, good for one version and for half the time that verifiers are told to keep it.
#[derive(Clone)]
struct PublishedList {
    version: u64,
    signed_at: Timestamp,
    token: Bytes,
    gzipped: Bytes,
}

impl PublishedList {
    fn is_good(&self, version: u64, now: Timestamp) -> bool {
        self.version == version && now.duration_since(self.signed_at) < SIGNED_ANEW
    }

    /// Until the token's `ttl` is over, which counts from its `iat` (Token Status List §13.7), a whole
    /// second.
    fn max_age(&self, now: Timestamp) -> SignedDuration {
        let age = SignedDuration::from_secs(now.as_second() - self.signed_at.as_second());
        (LIST_TTL - age).clamp(SignedDuration::ZERO, LIST_TTL)
    }

    /// Changes whenever the token does: with the version, and with each new signature. It is weak, because
    /// it stands for the compressed list too (RFC 9110 §8.8.3.3).
    fn etag(&self) -> String {
        format!("W/\"{}-{}\"", self.version, self.signed_at.as_second())
    }
}

async fn status_list(
    State(wallet): State<SharedWallet>,
    list: PathParameter,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    if query.is_some_and(|query| asks_for_the_past(&query)) {
        // Past lists are not kept, which is told apart from a list that never was.
        let detail = "Only the present list is kept: leave out `time`.";
        return Err(plain_problem(StatusCode::NOT_IMPLEMENTED, detail).into());
    }
    let unknown = || Problem::not_found("There is no such status list.");
    let list: ListNumber = parsed(list).ok_or_else(unknown)?;
    let now = now();
    let published = wallet
        .published_list(list, now)
        .await?
        .ok_or_else(unknown)?;

    let etag = published.etag();
    let max_age = published.max_age(now).as_secs();
    let caching = [
        (ETAG, etag.clone()),
        (CACHE_CONTROL, format!("public, max-age={max_age}")),
        (VARY, ACCEPT_ENCODING.to_string()),
    ];
    if has_current(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let answer = if accepts_gzip(&headers) {
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
    query
        .split('&')
        .any(|pair| pair.split('=').next() == Some("time"))
}

/// Whether `If-None-Match` names this tag, by the weak comparison (RFC 9110 §13.1.2).
fn has_current(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
    members(headers, IF_NONE_MATCH).any(|tag| tag == "*" || opaque(tag) == opaque(etag))
}

impl Wallet {
    /// The list as it is now. None if it has not been begun.
    async fn published_list(
        &self,
        list: ListNumber,
        now: Timestamp,
    ) -> Result<Option<PublishedList>, Problem> {
        // The version is read before the entries: then they hold at least what it counts.
        let version = self
            .table
            .list_version(list)
            .await
            .map_err(|fault| unavailable(&fault))?;
        let kept = self.published_lists.kept(list);
        if let Some(kept) = kept.filter(|kept| kept.is_good(version, now)) {
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
        let built = self.build(list, version, now).await?;
        self.published_lists.keep(list, built.clone());
        Ok(Some(built))
    }

    async fn is_begun(&self, list: ListNumber) -> Result<bool, CallError> {
        Ok(list <= self.table.current_list().await?)
    }

    async fn build(
        &self,
        list: ListNumber,
        version: u64,
        now: Timestamp,
    ) -> Result<PublishedList, Problem> {
        let entries = self
            .table
            .list_entries(list)
            .await
            .map_err(|fault| unavailable(&fault))?;
        let token = self
            .issuer
            .status_list_token(list, &entries, now)
            .await
            .map_err(|fault| {
                tracing::error!(%list, %fault, "a status list could not be signed");
                Problem::unavailable("The status list cannot be signed: try again in a moment.")
                    .with_retry_after_seconds(1)
            })?;
        Ok(PublishedList {
            version,
            signed_at: now,
            gzipped: gzip(token.as_bytes(), Compression::fast()),
            token: token.into(),
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
            let oldest = kept.iter().min_by_key(|(_, kept)| kept.signed_at);
            if let Some(oldest) = oldest.map(|(&list, _)| list) {
                kept.remove(&oldest);
            }
        }
        kept.insert(list, built);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signed_at(at: i64) -> PublishedList {
        PublishedList {
            version: 7,
            signed_at: second(at),
            token: Bytes::new(),
            gzipped: Bytes::new(),
        }
    }

    fn headers(tag: &str) -> HeaderMap {
        HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap())])
    }

    #[test]
    fn a_list_is_never_kept_beyond_its_ttl_and_never_served_nearly_stale() {
        let list = signed_at(1_000);
        for (now, is_good, max_age) in [(1_000, true, 300), (1_149, true, 151), (1_150, false, 150)]
        {
            assert_eq!(list.is_good(7, second(now)), is_good, "{now}");
            assert_eq!(list.max_age(second(now)).as_secs(), max_age);
        }
        assert!(!list.is_good(8, second(1_000)), "a change is seen at once");
        let set_back = list.max_age(second(999));
        assert_eq!(set_back, LIST_TTL, "a clock that was set back");
    }

    #[test]
    fn a_list_that_the_caller_has_is_recognised_by_its_tag() {
        let etag = signed_at(1_000).etag();
        assert_eq!(etag, r#"W/"7-1000""#);
        for value in [&etag, r#""7-1000""#, r#""other", W/"7-1000""#, "*"] {
            assert!(has_current(&headers(value), &etag), "{value}");
        }
        for value in ["", "7-1000", r#""7-1001""#, r#"W/"7""#] {
            assert!(!has_current(&headers(value), &etag), "{value}");
        }
    }
}
