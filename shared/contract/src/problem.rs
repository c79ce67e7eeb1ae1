//! Problem details (RFC 9457), the body of every error answer.

use crate::Scope;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use strum::VariantArray;

mod received;

/// The media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the request body; `""` is the whole body.
    pub pointer: String,
    /// What is wrong there and what would be right, for a developer to read. Never a claim value.
    pub reason: String,
}

impl FieldError {
    /// A fault at `pointer` (RFC 6901) with a reason to read.
    pub fn new(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            reason: reason.into(),
        }
    }
}

/// The kinds of problems of the contract. Each has one HTTP status, one title and one `type`.
#[expect(missing_docs, reason = "the titles say it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, VariantArray)]
pub enum ProblemKind {
    InvalidRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    ClaimsRejected,
    TooManyRequests,
    Internal,
    WalletFault,
    Unavailable,
    WalletTimeout,
}

impl ProblemKind {
    /// Every kind, in the order of the HTTP statuses.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The HTTP status code.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The `type`: a stable URI that a program can compare (RFC 9457 §3.1.1).
    pub fn type_uri(self) -> String {
        format!("urn:problem-type:bestow:{}", self.row().1)
    }

    /// The `title`: a short summary that is the same for each occurrence (RFC 9457 §3.1.3).
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// The kind with this HTTP status, if the contract has one.
    pub fn from_status(status: u16) -> Option<Self> {
        let mut kinds = Self::ALL.iter().copied();
        kinds.find(|kind| kind.status() == status)
    }

    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::InvalidRequest => (400, "invalid-request", "The request is malformed"),
            Self::Unauthorized => (401, "unauthorized", "Valid credentials are needed"),
            Self::Forbidden => (403, "forbidden", "The credentials do not allow this"),
            Self::NotFound => (404, "not-found", "Not found"),
            Self::MethodNotAllowed => (405, "method-not-allowed", "The method is not allowed here"),
            Self::Conflict => (409, "conflict", "The request contradicts an earlier one"),
            Self::TooLarge => (413, "too-large", "The request is too large"),
            Self::UnsupportedMediaType => (415, "unsupported-media-type", "The body must be JSON"),
            Self::ClaimsRejected => (422, "claims-rejected", "The template rejects the claims"),
            Self::TooManyRequests => (429, "too-many-requests", "Too many requests"),
            Self::Internal => (500, "internal-error", "Internal error"),
            Self::WalletFault => (502, "wallet-fault", "The wallet answered wrongly"),
            Self::Unavailable => (503, "unavailable", "Temporarily unavailable"),
            Self::WalletTimeout => (504, "wallet-timeout", "The wallet did not answer in time"),
        }
    }
}

/// Problem details (RFC 9457). `detail` is always there, and `message` repeats it for clients of the
/// sibling contract. It never holds an inner cause or a claim value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {title}: {detail}")]
pub struct Problem {
    /// `type`: a URI that names the kind of problem; `about:blank` where a wallet named none.
    pub type_uri: String,
    /// A short summary of the kind.
    pub title: String,
    /// The HTTP status code of the answer.
    pub status: u16,
    /// What happened here, for a human to read; on the wire also as `message`.
    pub detail: String,
    /// A URI reference that names this occurrence, such as the path of the request.
    pub instance: Option<String>,
    /// Each fault of the request, if the problem is about the request's body.
    pub errors: Vec<FieldError>,
    /// After how many seconds a repeat makes sense: the header `Retry-After` (RFC 9110 §10.2.3).
    pub retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem of this kind; `detail` says what happened.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            type_uri: kind.type_uri(),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            instance: None,
            errors: Vec::new(),
            retry_after_seconds: None,
        }
    }

    /// 400 for a request that is malformed as a whole, such as a body that is not JSON.
    pub fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::InvalidRequest, detail)
    }

    /// 400 for a body with faults.
    pub fn invalid_body(faults: Vec<FieldError>) -> Self {
        Self::new(ProblemKind::InvalidRequest, summary(&faults)).with_errors(faults)
    }

    /// 401. `detail` never says which key was tried.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unauthorized, detail)
    }

    /// 403 for credentials that lack `scope`.
    pub fn lacks_scope(scope: Scope) -> Self {
        let detail = format!(
            "Your credentials lack the scope {scope}, which this operation needs. Ask the operator for \
             credentials that have it."
        );
        Self::new(ProblemKind::Forbidden, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// 405; `allowed` are the methods that the path has, as in the `Allow` header.
    pub fn method_not_allowed(allowed: &str) -> Self {
        let detail = format!("This path answers to {allowed} only.");
        Self::new(ProblemKind::MethodNotAllowed, detail)
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Conflict, detail)
    }

    /// 413; `limit_bytes` is the longest body that would be taken.
    pub fn too_large(limit_bytes: usize) -> Self {
        let detail = format!("The body is too large: at most {limit_bytes} bytes are taken.");
        Self::new(ProblemKind::TooLarge, detail)
    }

    /// 415.
    pub fn unsupported_media_type() -> Self {
        let detail = "The body must be JSON: send it with `Content-Type: application/json`.";
        Self::new(ProblemKind::UnsupportedMediaType, detail)
    }

    /// 422 with a fault for each claim that the template rejects (pointers start with `/claims`).
    pub fn claims_rejected(faults: Vec<FieldError>) -> Self {
        Self::new(ProblemKind::ClaimsRejected, summary(&faults)).with_errors(faults)
    }

    /// 429; a repeat makes sense after `retry_after_seconds`.
    pub fn too_many_requests(retry_after_seconds: u32) -> Self {
        let detail = format!("Too many requests: try again in {retry_after_seconds} s.");
        Self::new(ProblemKind::TooManyRequests, detail)
            .with_retry_after_seconds(retry_after_seconds)
    }

    /// 500. The cause stays inside.
    pub fn internal() -> Self {
        let detail = "Something went wrong on our side. The request may be repeated.";
        Self::new(ProblemKind::Internal, detail)
    }

    /// 502: the wallet answered with something that the contract does not know.
    pub fn wallet_fault(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::WalletFault, detail)
    }

    /// 503: the wallet or a service cannot be reached; try again later.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unavailable, detail)
    }

    /// 504: the wallet did not answer in time.
    pub fn wallet_timeout(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::WalletTimeout, detail)
    }

    /// The problem with these faults as `errors`.
    #[must_use]
    pub fn with_errors(mut self, faults: Vec<FieldError>) -> Self {
        self.errors = faults;
        self
    }

    /// The problem with the URI reference of this occurrence, such as the path of the request.
    #[must_use]
    pub fn with_instance(mut self, instance: impl Into<String>) -> Self {
        self.instance = Some(instance.into());
        self
    }

    /// The problem with a `Retry-After` header of so many seconds.
    #[must_use]
    pub fn with_retry_after_seconds(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The kind of this problem's status, if the contract has one.
    pub fn kind(&self) -> Option<ProblemKind> {
        ProblemKind::from_status(self.status)
    }
}

/// One sentence that names the first fault, for clients that show `detail` alone.
fn summary(faults: &[FieldError]) -> String {
    let Some((first, others)) = faults.split_first() else {
        return "The request has a fault.".to_owned();
    };
    let place = match first.pointer.as_str() {
        "" => "The body",
        pointer => pointer,
    };
    let more = match others.len() {
        0 => String::new(),
        1 => " One more fault is in `errors`.".to_owned(),
        count => format!(" {count} more faults are in `errors`."),
    };
    format!("{place} {}.{more}", first.reason)
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &self.type_uri)?;
        map.serialize_entry("title", &self.title)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("detail", &self.detail)?;
        if let Some(instance) = &self.instance {
            map.serialize_entry("instance", instance)?;
        }
        map.serialize_entry("message", &self.detail)?;
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &self.errors)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
