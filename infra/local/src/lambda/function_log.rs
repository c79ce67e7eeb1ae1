//! What a function's process writes, as lines of this process's own log.

use serde_json::{Map, Value};

use crate::lambda::processes::LogLine;

/// What a human does not need to see again with each line.
const LEFT_OUT: [&str; 10] = [
    "_aws",
    "level",
    "message",
    "timestamp",
    "service",
    "function_name",
    "function_memory_size",
    "function_request_id",
    "cold_start",
    "xray_trace_id",
];

/// Logs a line under its level: the message, then its fields. Lines that only CloudWatch reads, with metrics and
/// nothing else, are shown with `RUST_LOG=metrics=debug`. What is no JSON is shown as it is.
pub(crate) fn show(line: LogLine<'_>) {
    let (function, pid) = (line.function, line.pid);
    let Ok(members) = serde_json::from_str::<Map<String, Value>>(line.text) else {
        tracing::info!(function, pid, "{}", line.text);
        return;
    };
    if members
        .get("message")
        .is_some_and(|message| message == "metrics")
    {
        tracing::debug!(target: "metrics", function, pid, "{}", line.text);
        return;
    }
    let text = readable(&members);
    match members.get("level").and_then(Value::as_str) {
        Some("ERROR") => tracing::error!(function, pid, "{text}"),
        Some("WARN") => tracing::warn!(function, pid, "{text}"),
        Some("INFO") | None => tracing::info!(function, pid, "{text}"),
        Some(_) => tracing::debug!(function, pid, "{text}"),
    }
}

fn readable(members: &Map<String, Value>) -> String {
    let message = members.get("message").and_then(Value::as_str);
    let mut text = message.unwrap_or_default().to_owned();
    for (name, value) in members {
        if !LEFT_OUT.contains(&name.as_str()) {
            text.push_str(&format!("  {name}={value}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_is_its_message_and_what_is_special_about_it() {
        let line = json!({
            "level": "WARN",
            "message": "the wallet failed and is asked again",
            "timestamp": "2026-03-01T00:00:00.001Z",
            "function_name": "poll-status",
            "cold_start": false,
            "correlation_id": "a b",
            "after_seconds": 5,
            "_aws": {"CloudWatchMetrics": []},
        });
        assert_eq!(
            readable(line.as_object().unwrap()),
            r#"the wallet failed and is asked again  after_seconds=5  correlation_id="a b""#
        );
    }
}
