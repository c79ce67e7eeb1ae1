//! The X-Ray trace that a piece of work, and what is sent from it, belongs to.
//!
//! Lambda gives each invocation a trace. A message carries its sender's in the system attribute `AWSTraceHeader`, and
//! its handling belongs to that one. So all that follows from one Start issue has one trace id.

use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;

tokio::task_local! {
    static CURRENT: TraceHeader;
}

/// The system attribute in which an SQS message carries its trace.
pub const MESSAGE_ATTRIBUTE: &str = "AWSTraceHeader";

/// An X-Ray trace header: `Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1`
/// (X-Ray Developer Guide, "Tracing header").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceHeader(Arc<str>);

impl TraceHeader {
    /// Reads a header. `None` without a trace id; what else has not its form is left out, because the sender may be a
    /// stranger. So is Lambda's `Lineage`, by which it stops loops: a poll that repeats itself is one on purpose.
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut fields = text.split(';').map(str::trim);
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let root = field("Root").filter(|root| is_trace_id(root))?;
        let mut header = format!("Root={root}");
        if let Some(parent) = field("Parent").filter(|parent| is_hex(parent, 16)) {
            let _ = write!(header, ";Parent={parent}");
        }
        if let Some(sampled @ ("0" | "1")) = field("Sampled") {
            let _ = write!(header, ";Sampled={sampled}");
        }
        Some(Self(header.into()))
    }

    /// The header as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace id alone, such as `1-67891233-abcdef012345678912345678`.
    pub fn trace_id(&self) -> &str {
        let root = self.0.split(';').next().unwrap_or_default();
        root.trim_start_matches("Root=")
    }
}

/// The trace that the calling task works for.
pub fn current() -> Option<TraceHeader> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Does `work` as a part of `trace`; without one, as a part of the calling task's.
pub async fn within<F: Future>(trace: Option<TraceHeader>, work: F) -> F::Output {
    match trace {
        Some(trace) => CURRENT.scope(trace, work).await,
        None => work.await,
    }
}

/// Version, time and random part.
fn is_trace_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts.as_slice(), ["1", time, random] if is_hex(time, 8) && is_hex(random, 24))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1-67891233-abcdef012345678912345678";

    #[test]
    fn a_header_keeps_what_it_is_made_of_and_nothing_else() {
        for (text, kept) in [
            (format!("Root={ID}"), format!("Root={ID}")),
            (
                format!("Self=1-1-1;Root={ID};Parent=463ac35c9f6413ad;Sampled=1;Lineage=25:3f8b:0"),
                format!("Root={ID};Parent=463ac35c9f6413ad;Sampled=1"),
            ),
            (
                format!("Sampled=?; Root={ID}; Parent=\"}};{{"),
                format!("Root={ID}"),
            ),
        ] {
            let header = TraceHeader::parse(&text).unwrap();
            assert_eq!((header.as_str(), header.trace_id()), (kept.as_str(), ID));
        }
        for text in [
            "",
            "Root=",
            "Parent=463ac35c9f6413ad",
            "Root=1-67891233-abc",
            "Root=1-67891233-abcdef01234567891234567\n",
            "Root=2-67891233-abcdef012345678912345678",
        ] {
            assert_eq!(TraceHeader::parse(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn work_belongs_to_the_innermost_trace() {
        let [outer, inner] = ["0", "1"].map(|last| {
            TraceHeader::parse(&format!("Root=1-67891233-abcdef01234567891234567{last}"))
        });
        assert_eq!(current(), None);
        within(outer.clone(), async {
            assert_eq!(current(), outer);
            within(inner.clone(), async { assert_eq!(current(), inner) }).await;
            within(None, async { assert_eq!(current(), outer) }).await;
        })
        .await;
    }
}
