//! Reads the problem that a wallet answered with. Nearly everything is optional, and everything is
//! bounded.

use super::{FieldError, Problem, ProblemKind};
use crate::correlation_id::is_printable;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Longest text that is taken over from a wallet, in characters.
const MAX_TEXT_CHARS: usize = 500;
/// Most faults that are taken over from a wallet.
const MAX_FAULTS: usize = 50;

impl Problem {
    /// The problem that a wallet's answer with this HTTP status and body tells of: problem details
    /// (RFC 9457), whose members may be missing or have other names, or an OAuth error (RFC 6749 §5.2).
    /// A body that is no JSON object gives a problem of the status alone.
    ///
    /// The HTTP status wins over a `status` in the body. Texts are cut at 500 characters, faults at
    /// 50, and control characters are dropped.
    pub fn from_answer(status: u16, body: &[u8]) -> Self {
        let members = match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        from_members(Some(status), &members)
    }
}

impl<'de> Deserialize<'de> for Problem {
    /// Takes any JSON object; see [`Problem::from_answer`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::deserialize(deserializer)?;
        Ok(from_members(None, &members))
    }
}

fn from_members(http_status: Option<u16>, members: &Map<String, Value>) -> Problem {
    let status = http_status
        .or_else(|| u16::try_from(members.get("status")?.as_u64()?).ok())
        .unwrap_or(500);
    let kind = ProblemKind::from_status(status);
    let title = text(members, &["title"])
        .unwrap_or_else(|| kind.map_or("Error", ProblemKind::title).to_owned());
    const DETAIL: [&str; 4] = ["detail", "message", "error_description", "error"];
    let detail = text(members, &DETAIL).unwrap_or_else(|| title.clone());
    Problem {
        type_uri: text(members, &["type"]).unwrap_or_else(|| "about:blank".to_owned()),
        title,
        status,
        detail,
        instance: text(members, &["instance"]),
        errors: faults(members),
        retry_after_seconds: None,
    }
}

fn faults(members: &Map<String, Value>) -> Vec<FieldError> {
    let Some(Value::Array(errors)) = members.get("errors") else {
        return Vec::new();
    };
    let fault = |error: &Value| {
        let error = error.as_object()?;
        Some(FieldError {
            pointer: text(error, &["pointer"]).unwrap_or_default(),
            reason: text(error, &["reason", "detail", "message"])?,
        })
    };
    errors.iter().filter_map(fault).take(MAX_FAULTS).collect()
}

/// The first of `names` that is a text worth showing.
fn text(members: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let text = members.get(*name)?.as_str()?.chars();
        let printable = text.filter(|character| is_printable(*character));
        let text: String = printable.take(MAX_TEXT_CHARS).collect();
        (!text.is_empty()).then_some(text)
    })
}
