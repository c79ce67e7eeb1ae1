//! Events as lines.
//!
//! The fields of spans stand beside those of the event, the nearest of each name, and libraries' fields are left out.
//! The JSON formatter of `tracing-subscriber` nests the former and cannot do the latter.

use std::fmt;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Process;
use crate::metrics::{self, Document};

/// What the names of our crates begin with. Libraries log payloads at their finer levels.
const OURS: &str = "bestow_";

/// The form of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A JSON object.
    Json,
    /// Text for a terminal: level, message, fields.
    Human,
}

/// Turns events into lines.
pub(super) struct Lines<W> {
    process: Process,
    form: Form,
    write: W,
}

impl<W: Fn(&str) + Send + Sync + 'static> Lines<W> {
    pub(super) fn new(process: Process, form: Form, write: W) -> Self {
        Self {
            process,
            form,
            write,
        }
    }
}

/// Lets through what is logged at `level`.
pub(super) fn wanted(level: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata| is_wanted(metadata, level)).with_max_level_hint(level)
}

/// Our own lines up to `level`, and libraries' warnings and errors.
fn is_wanted(metadata: &Metadata<'_>, level: LevelFilter) -> bool {
    if is_ours(metadata) {
        *metadata.level() <= level
    } else {
        metadata.is_event()
            && *metadata.level() <= level.min(LevelFilter::WARN)
            // Panics and errors of our handlers, which have been reported.
            && metadata.target() != "lambda_runtime::layers::panic"
    }
}

/// Whether a line is our own code's. A target is the path of a module, which begins with its crate.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(OURS)
}

/// The fields of a span, or of an event.
#[derive(Default)]
struct Fields {
    values: Vec<(&'static str, Value)>,
    message: String,
}

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        let (name, value) = (field.name(), value.into());
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.values.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.set(field, value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&str) + Send + Sync + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        if !is_ours(metadata) {
            // They may hold anything.
            fields.values = vec![("library", metadata.target().into())];
        }
        // Its own fields are nearest, then those of the innermost span, and so on outwards.
        let own = fields.values.len();
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let inherited = extensions.get::<Fields>().into_iter();
            for (name, value) in inherited.flat_map(|fields| &fields.values) {
                if !fields.values.iter().any(|(known, _)| known == name) {
                    fields.values.push((name, value.clone()));
                }
            }
        }
        // The invocation's keys come before the event's.
        fields.values.rotate_left(own);
        let Fields { values, message } = fields;
        match self.form {
            Form::Json => {
                Line {
                    process: &self.process,
                    level: metadata.level().as_str(),
                    message: &message,
                    fields: &values,
                    metrics: metrics::for_a_line(),
                }
                .write(&self.write);
            }
            Form::Human => {
                let mut line = format!(
                    "{:>5} {}: {message}",
                    metadata.level(),
                    self.process.function_name
                );
                for (name, value) in &values {
                    if !["cold_start", "function_request_id", "xray_trace_id"].contains(name) {
                        line.push_str(&format!("  {name}={value}"));
                    }
                }
                // A stranger's control characters do not reach a terminal.
                (self.write)(&(line.replace(char::is_control, "\u{fffd}") + "\n"));
            }
        }
    }
}

/// A line of the log.
pub(super) struct Line<'a> {
    pub(super) process: &'a Process,
    pub(super) level: &'a str,
    pub(super) message: &'a str,
    pub(super) fields: &'a [(&'static str, Value)],
    pub(super) metrics: Option<Document>,
}

impl Line<'_> {
    pub(super) fn write(&self, write: impl Fn(&str)) {
        // Cannot fail: names are text, and values JSON.
        if let Ok(mut line) = serde_json::to_string(self) {
            line.push('\n');
            write(&line);
        }
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let now = Timestamp::now();
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("level", self.level)?;
        line.serialize_entry("message", self.message)?;
        line.serialize_entry("timestamp", &format_args!("{now:.3}"))?;
        line.serialize_entry("service", &self.process.service)?;
        line.serialize_entry("function_name", &self.process.function_name)?;
        for (name, value) in self.fields {
            line.serialize_entry(name, value)?;
        }
        if let Some(metrics) = &self.metrics {
            metrics.add_to(&mut line, now)?;
        }
        line.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::{Arc, Mutex};
    use tracing::Level;
    use tracing::subscriber::Interest;
    use tracing_subscriber::layer::SubscriberExt;

    fn logged(form: Form, level: LevelFilter, work: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let process = Process {
            service: "bestow-test".to_owned(),
            function_name: "poll-status".to_owned(),
        };
        let layer = Lines::new(process, form, move |line: &str| {
            sink.lock().unwrap().push(line.to_owned());
        });
        let subscriber = tracing_subscriber::registry()
            .with(wanted(level))
            .with(layer);
        tracing::subscriber::with_default(subscriber, work);
        lines.lock().unwrap().clone()
    }

    fn read(line: &str) -> Value {
        assert_eq!(line.find('\n'), Some(line.len() - 1), "one line: {line:?}");
        let mut value: Value = serde_json::from_str(line).unwrap();
        let object = value.as_object_mut().unwrap();
        assert_eq!(
            object.remove("timestamp").unwrap().as_str().unwrap().len(),
            24
        );
        value
    }

    #[test]
    fn a_line_has_the_keys_of_the_process_of_its_spans_and_its_own() {
        let lines = logged(Form::Json, LevelFilter::INFO, || {
            let invocation = tracing::info_span!(
                "invocation",
                cold_start = true,
                xray_trace_id = "outer",
                correlation_id = tracing::field::Empty,
            );
            invocation.in_scope(|| {
                let record = tracing::info_span!("record", xray_trace_id = "inner");
                record.in_scope(|| tracing::info!(attempt = 3, "an issuance is pending"));
                invocation.record("correlation_id", "a\"b\n");
                tracing::warn!(fault = %"x\ty", ratio = 0.5, "hm");
                tracing::info!(correlation_id = %"own", "its own is nearest");
            });
            tracing::debug!("too fine");
        });
        let common = |level: &str, message: &str, more: Value| {
            let mut line = json!({
                "level": level,
                "message": message,
                "service": "bestow-test",
                "function_name": "poll-status",
                "cold_start": true,
            });
            line.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            line
        };
        let read: Vec<Value> = lines.iter().map(|line| read(line)).collect();
        assert_eq!(
            read,
            [
                common(
                    "INFO",
                    "an issuance is pending",
                    json!({"attempt": 3, "xray_trace_id": "inner"}),
                ),
                common(
                    "WARN",
                    "hm",
                    json!({"fault": "x\ty", "ratio": 0.5, "xray_trace_id": "outer", "correlation_id": "a\"b\n"}),
                ),
                common(
                    "INFO",
                    "its own is nearest",
                    json!({"correlation_id": "own", "xray_trace_id": "outer"}),
                ),
            ]
        );
    }

    #[test]
    fn a_human_reads_level_message_and_fields_and_no_control_characters() {
        let lines = logged(Form::Human, LevelFilter::INFO, || {
            let span = tracing::info_span!("invocation", cold_start = true);
            span.in_scope(|| tracing::info!(correlation_id = %"\u{1b}[31m", "it\u{7} was read"));
        });
        assert_eq!(
            lines,
            [" INFO poll-status: it\u{fffd} was read  correlation_id=\"\\u001b[31m\"\n"]
        );
    }

    #[test]
    fn libraries_are_heard_when_they_warn_and_never_quoted() {
        struct Library;
        impl tracing::callsite::Callsite for Library {
            fn set_interest(&self, _: Interest) {}
            fn metadata(&self) -> &Metadata<'_> {
                &LIBRARY
            }
        }
        static CALLSITE: Library = Library;
        static LIBRARY: Metadata<'static> = Metadata::new(
            "event",
            "hyper::client",
            Level::WARN,
            Some("/root/.cargo/registry/src/hyper/src/client.rs"),
            None,
            None,
            tracing::field::FieldSet::new(
                &["message", "payload"],
                tracing::callsite::Identifier(&CALLSITE),
            ),
            tracing::metadata::Kind::EVENT,
        );
        let lines = logged(Form::Json, LevelFilter::TRACE, || {
            let fields = LIBRARY.fields();
            let (message, payload) = (
                fields.field("message").unwrap(),
                fields.field("payload").unwrap(),
            );
            let secret = "NL47PLAN0000004711";
            let values = [
                (&message, Some(&"retrying" as &dyn tracing::Value)),
                (&payload, Some(&secret as &dyn tracing::Value)),
            ];
            tracing::dispatcher::get_default(|dispatch| {
                dispatch.event(&Event::new(&LIBRARY, &fields.value_set(&values)));
            });
        });
        let [line] = lines.as_slice() else {
            panic!("one line: {lines:?}");
        };
        assert_eq!(
            read(line),
            json!({
                "level": "WARN",
                "message": "retrying",
                "service": "bestow-test",
                "function_name": "poll-status",
                "library": "hyper::client",
            })
        );
    }

    #[test]
    fn below_a_warning_no_library_is_heard_at_any_level() {
        let wanted = |level: Level, target: &'static str| {
            struct Any;
            impl tracing::callsite::Callsite for Any {
                fn set_interest(&self, _: Interest) {}
                fn metadata(&self) -> &Metadata<'_> {
                    unreachable!("nobody asks")
                }
            }
            static ANY: Any = Any;
            let fields = tracing::field::FieldSet::new(&[], tracing::callsite::Identifier(&ANY));
            let metadata = Metadata::new(
                "event",
                target,
                level,
                None,
                None,
                None,
                fields,
                tracing::metadata::Kind::EVENT,
            );
            is_wanted(&metadata, LevelFilter::TRACE)
        };
        assert!(wanted(Level::TRACE, "bestow_aws"));
        assert!(wanted(Level::TRACE, "bestow_wallet::protocol"));
        assert!(wanted(Level::TRACE, "bestow_publish_changes"));
        assert!(wanted(Level::WARN, "lambda_runtime::runtime"));
        assert!(!wanted(Level::INFO, "lambda_runtime::runtime"));
        assert!(!wanted(Level::ERROR, "lambda_runtime::layers::panic"));
        assert!(!wanted(Level::INFO, "aws_config::wallet"));
    }
}
