//! Reading an upload: NDJSON or a JSON array of Start-issue bodies.

use std::collections::HashMap;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use bestow_clock::IdSource;
use bestow_contract::{CorrelationId, MAX_UPLOAD_LINES, Problem, StartIssue};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use crate::chunk::{LineResult, PendingLine, count};

/// The lines of an upload, in order. Their numbers count from 1.
#[derive(Debug, Default)]
pub struct Upload {
    /// All lines: what can be started, and the results of what cannot.
    pub lines: Vec<Result<PendingLine, LineResult>>,
    /// The first line that has a correlation id, and the digest of what it asks for.
    by_correlation_id: HashMap<CorrelationId, (u32, Digest)>,
}

impl Upload {
    /// Reads NDJSON: a Start-issue body a line. Blank lines are skipped and do not count. What is wrong with a line is
    /// that line's problem, also what `check_callback` says of its callback ([`StartIssue::from_json_with`]).
    ///
    /// # Errors
    /// 400 if there is no line at all, 413 if there are too many.
    pub fn from_ndjson(
        body: &[u8],
        check_callback: impl Fn(&Url) -> Result<(), String>,
        system: &impl IdSource,
    ) -> Result<Self, Problem> {
        // Some editors put a byte order mark first, which is no JSON (RFC 8259 §8.1).
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let lines = body.split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace));
        Self::read(lines, check_callback, system)
    }

    /// Reads a JSON array of Start-issue bodies. What is wrong with an element is that element's problem.
    ///
    /// # Errors
    /// 400 if it is no JSON array, or an empty one; 413 if it is too long.
    pub fn from_array(
        body: &[u8],
        check_callback: impl Fn(&Url) -> Result<(), String>,
        system: &impl IdSource,
    ) -> Result<Self, Problem> {
        // Looked at first: serde_json would repeat another value in its message.
        match body.trim_ascii_start().first() {
            None => return Err(empty()),
            Some(b'[') => {}
            Some(_) => return Err(not_an_array("it does not begin with `[`")),
        }
        // Of faulty JSON serde_json names the position and what was expected there, never the input.
        let elements: Vec<&RawValue> =
            serde_json::from_slice(body).map_err(|fault| not_an_array(&fault.to_string()))?;
        let bodies = elements.iter().map(|element| element.get().as_bytes());
        Self::read(bodies, check_callback, system)
    }

    fn read<'a>(
        bodies: impl Iterator<Item = &'a [u8]>,
        check_callback: impl Fn(&Url) -> Result<(), String>,
        system: &impl IdSource,
    ) -> Result<Self, Problem> {
        let mut upload = Self::default();
        for body in bodies {
            if upload.lines.len() == MAX_UPLOAD_LINES {
                return Err(Problem::new(
                    bestow_contract::ProblemKind::TooLarge,
                    format!(
                        "The upload has too many lines: at most {MAX_UPLOAD_LINES} are taken. Split it."
                    ),
                ));
            }
            let line = count(upload.lines.len() + 1);
            let read = upload.line(line, body, &check_callback, system);
            upload.lines.push(read.map_err(|(correlation_id, problem)| {
                LineResult::failed(line, correlation_id, *problem)
            }));
        }
        if upload.lines.is_empty() {
            return Err(empty());
        }
        Ok(upload)
    }

    fn line(
        &mut self,
        line: u32,
        body: &[u8],
        check_callback: impl Fn(&Url) -> Result<(), String>,
        system: &impl IdSource,
    ) -> Result<PendingLine, (Option<CorrelationId>, Box<Problem>)> {
        if body.len() > StartIssue::MAX_BODY_BYTES {
            let problem = Problem::too_large(StartIssue::MAX_BODY_BYTES);
            return Err((None, Box::new(problem)));
        }
        let (mut request, _) = StartIssue::from_json_with(body, |_| Ok(()), check_callback)
            .map_err(|problem| (correlation_id_of(body), Box::new(problem)))?;
        // Nobody would see the picture, and it is no part of what is asked for.
        request.qr_code = None;
        match &request.correlation_id {
            None => request.correlation_id = Some(system.uuid().into()),
            Some(id) => self
                .same(line, id, &request)
                .map_err(|problem| (Some(id.clone()), Box::new(problem)))?,
        }
        Ok(PendingLine { line, request })
    }

    /// The same line twice is a repeat. Another one under the same name would be refused later, too; here it is known
    /// which one came first.
    fn same(&mut self, line: u32, id: &CorrelationId, request: &StartIssue) -> Result<(), Problem> {
        let asked = digest(&SHA256, &request.canonical_json());
        let (first, known) = self
            .by_correlation_id
            .entry(id.clone())
            .or_insert((line, asked));
        if known.as_ref() == asked.as_ref() {
            return Ok(());
        }
        Err(Problem::conflict(format!(
            "Line {first} has this correlation_id and asks for something else. Give each issuance its \
             own."
        )))
    }
}

/// The name in a body that is wrong elsewhere.
fn correlation_id_of(body: &[u8]) -> Option<CorrelationId> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("correlation_id")?.as_str()?.parse().ok()
}

fn not_an_array(reason: &str) -> Problem {
    Problem::invalid_request(format!(
        "The body is not a JSON array of Start-issue bodies: {reason}. For one body a line, say \
         `Content-Type: {}`.",
        bestow_contract::NDJSON
    ))
}

fn empty() -> Problem {
    Problem::invalid_request("The upload has no lines: send at least one Start-issue body.")
}

#[cfg(test)]
mod tests;
