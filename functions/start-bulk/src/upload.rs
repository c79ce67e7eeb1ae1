//! An upload as it comes over HTTP.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use bestow_clock::IdSource;
use bestow_contract::{MAX_IDEMPOTENCY_KEY_BYTES, NDJSON, Problem, ProblemKind};
use bestow_egress::Allowed;
use bestow_jobs::Upload;
use bestow_runtime::http::media_type;
use url::Url;

/// What an upload is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A body a line.
    Ndjson,
    /// A JSON array of bodies.
    Array,
}

/// What the headers say of the body. NDJSON has no registered name, so the usual ones are taken.
pub(crate) fn kind(headers: &HeaderMap) -> Result<Kind, Problem> {
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return Err(Problem::new(
            ProblemKind::UnsupportedMediaType,
            "The body is compressed: send it as it is, without Content-Encoding.",
        ));
    }
    match media_type(headers).as_str() {
        NDJSON | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            Ok(Kind::Ndjson)
        }
        "application/json" => Ok(Kind::Array),
        _ => Err(Problem::new(
            ProblemKind::UnsupportedMediaType,
            format!(
                "The upload must be NDJSON, one Start-issue body a line, sent with `Content-Type: \
                 {NDJSON}`, or a JSON array of them, sent with `Content-Type: application/json`."
            ),
        )),
    }
}

/// Reads an upload.
pub(crate) fn read(
    kind: Kind,
    body: &[u8],
    allowed: &Allowed,
    system: &impl IdSource,
) -> Result<Upload, Problem> {
    let may_be_called = |url: &Url| allowed.check(url).map_err(|fault| fault.to_string());
    match kind {
        Kind::Ndjson => Upload::from_ndjson(body, may_be_called, system),
        Kind::Array => Upload::from_array(body, may_be_called, system),
    }
}

/// The `Idempotency-Key`, if there is one: any printable ASCII, with or without the quotation marks of a
/// structured field (RFC 9651 §3.3.3).
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut sent = headers.get_all("idempotency-key").iter();
    let (key, another) = (sent.next(), sent.next());
    let Some(key) = key else {
        return Ok(None);
    };
    let wrong = || {
        Problem::invalid_request(format!(
            "The Idempotency-Key cannot be used: send one, of 1 to {MAX_IDEMPOTENCY_KEY_BYTES} \
             printable ASCII characters, such as a UUID."
        ))
    };
    let text = key.to_str().map_err(|_| wrong())?.trim();
    let text = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    if another.is_some() || !(1..=MAX_IDEMPOTENCY_KEY_BYTES).contains(&text.len()) {
        return Err(wrong());
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(sent: &[(&'static str, &str)]) -> HeaderMap {
        let sent = sent.iter();
        sent.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .fold(
                HeaderMap::new(),
                |mut headers, (name, value): (axum::http::HeaderName, _)| {
                    headers.append(name, value);
                    headers
                },
            )
    }

    #[test]
    fn the_media_type_says_what_an_upload_is_written_in() {
        for (media_type, kind) in [
            ("application/x-ndjson", Some(Kind::Ndjson)),
            ("Application/X-NDJSON; charset=utf-8", Some(Kind::Ndjson)),
            ("application/json", Some(Kind::Array)),
            ("text/csv", None),
            ("", None),
        ] {
            let read = super::kind(&headers(&[("content-type", media_type)]));
            assert_eq!(read.ok(), kind, "{media_type}");
        }
        let compressed = [("content-type", NDJSON), ("content-encoding", "gzip")];
        assert_eq!(super::kind(&headers(&compressed)).unwrap_err().status, 415);
    }

    #[test]
    fn an_idempotency_key_is_one_short_text() {
        let key =
            |sent: &[(&'static str, &str)]| idempotency_key(&headers(sent)).map_err(|p| p.status);
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(
            key(&[("idempotency-key", "a b")]),
            Ok(Some("a b".to_owned()))
        );
        assert_eq!(
            key(&[("idempotency-key", "\"a\"")]),
            Ok(Some("a".to_owned()))
        );
        let long = "x".repeat(MAX_IDEMPOTENCY_KEY_BYTES + 1);
        for bad in ["", " ", "\"\"", &long] {
            assert_eq!(key(&[("idempotency-key", bad)]), Err(400), "{bad}");
        }
        assert_eq!(
            key(&[("idempotency-key", "a"), ("idempotency-key", "a")]),
            Err(400)
        );
    }
}
