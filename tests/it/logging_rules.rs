//! The rules of `infra/docs/logging.md` against the source: every field that is logged has a row in its table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::template::workspace_file;

/// The keys of the tables of `infra/docs/logging.md`, whose rows begin with a key in backticks.
pub fn documented_keys() -> BTreeSet<String> {
    let page = workspace_file("infra/docs/logging.md");
    let (page, _) = page.split_once("## The metrics").expect("a chapter");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let keys = rows.filter_map(|row| row.split_once('`'));
    keys.map(|(key, _)| key.to_owned()).collect()
}

/// The metrics of `infra/docs/logging.md`.
pub fn documented_metrics() -> BTreeSet<String> {
    let page = workspace_file("infra/docs/logging.md");
    let (_, metrics) = page.split_once("## The metrics").expect("a chapter");
    let rows = metrics.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_field_that_is_logged_is_in_the_table_and_none_is_there_in_vain() {
    let documented = documented_keys();
    let mut logged = BTreeMap::new();
    for file in sources() {
        let source = fs::read_to_string(&file).expect("it can be read");
        for field in fields_of(without_tests(&source)) {
            logged.entry(field).or_insert_with(|| file.clone());
        }
    }
    assert!(logged.len() > 15, "{logged:?}");
    let unknown: Vec<_> = logged
        .iter()
        .filter(|(field, _)| !documented.contains(*field))
        .collect();
    assert!(
        unknown.is_empty(),
        "logged without a row in infra/docs/logging.md: {unknown:?}"
    );
    // Keys that are written without a tracing macro.
    let by_the_runtime = [
        "level",
        "message",
        "timestamp",
        "service",
        "function_name",
        "library",
        "outcome",
    ];
    let in_vain: Vec<_> = documented
        .iter()
        .filter(|key| !logged.contains_key(*key) && !by_the_runtime.contains(&key.as_str()))
        .collect();
    assert!(
        in_vain.is_empty(),
        "in infra/docs/logging.md, and nobody logs it: {in_vain:?}"
    );
}

/// The sources of everything that runs in a function.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("functions"), root.join("shared")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                files.push(path);
            }
        }
    }
    files
}

fn without_tests(source: &str) -> &str {
    source
        .split_once("#[cfg(test)]\nmod tests {")
        .map_or(source, |(code, _)| code)
}

/// The fields of the events and spans that `source` makes.
fn fields_of(source: &str) -> BTreeSet<String> {
    let macros = [
        "error!(", "warn!(", "info!(", "debug!(", "trace!(", "span!(",
    ];
    let mut fields = BTreeSet::new();
    for (position, _) in source.match_indices("tracing::") {
        let rest = &source[position + "tracing::".len()..];
        let Some(arguments) = macros.iter().find_map(|name| {
            let start = rest.find(name).filter(|start| *start <= "info_".len())?;
            Some(&rest[start + name.len()..])
        }) else {
            continue;
        };
        for argument in split_arguments(arguments) {
            if argument.starts_with('"') || argument.contains(':') && !argument.contains('=') {
                continue;
            }
            let name = argument.split('=').next().unwrap_or_default();
            fields.insert(name.trim().trim_start_matches(['%', '?']).to_owned());
        }
    }
    fields.remove("");
    fields
}

/// The arguments of a macro's call, which begins behind its parenthesis.
fn split_arguments(text: &str) -> Vec<String> {
    let (mut arguments, mut depth, mut in_text) = (vec![String::new()], 0, false);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_text => drop(characters.next()),
            '"' => {
                in_text = !in_text;
                arguments.last_mut().expect("one").push('"');
            }
            _ if in_text => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => arguments.push(String::new()),
            other if depth == 0 => arguments.last_mut().expect("one").push(other),
            _ => {}
        }
    }
    arguments
        .into_iter()
        .map(|argument| argument.trim().to_owned())
        .collect()
}

#[test]
fn fields_are_found_in_every_form() {
    let source = r#"
        tracing::info!(%correlation_id, attempt, "two (2), fields");
        tracing::warn!(
            fault = %short(&fault, 3),
            days_left = 3 * (2 + 1),
            "{CHAIN} \" expires"
        );
        tracing::debug!(target: "metrics", ?reason, "x");
        let span = tracing::info_span!("record", message_id, xray_trace_id = trace.map(|t| t.id()));
        tracing::Span::current().record("x", 1);
    "#;
    let found: Vec<_> = fields_of(source).into_iter().collect();
    assert_eq!(
        found,
        [
            "attempt",
            "correlation_id",
            "days_left",
            "fault",
            "message_id",
            "reason",
            "xray_trace_id"
        ]
    );
}
