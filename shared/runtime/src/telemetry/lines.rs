//! What becomes of an event: a line.

use std::fmt::{self, Write};
use std::path::Path;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Process;
use super::json::{Escaped, push_name, push_number, push_text};
use super::timestamp::Timestamp;

/// For whom lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Programs: a JSON object.
    Json,
    /// Whoever sits at the terminal: level, message, fields.
    Human,
}

/// Turns events into lines.
pub(super) struct Lines<W> {
    process: Process,
    form: Form,
    level: LevelFilter,
    write: W,
}

impl<W: Fn(&str) + Send + Sync + 'static> Lines<W> {
    pub(super) fn new(process: Process, form: Form, level: LevelFilter, write: W) -> Self {
        Self {
            process,
            form,
            level,
            write,
        }
    }

    fn is_wanted(&self, metadata: &Metadata<'_>) -> bool {
        if is_ours(metadata) {
            *metadata.level() <= self.level
        } else {
            metadata.is_event()
                && *metadata.level() <= self.level.min(LevelFilter::WARN)
                // A panic, which is reported where it happens, and errors that our handlers have reported.
                && metadata.target() != "lambda_runtime::layers::panic"
        }
    }
}

/// Whether this workspace's own code speaks. Cargo compiles the workspace's members by paths from its root
/// and everything else by absolute ones. Only our own code is known to log nothing secret: the libraries
/// log payloads at their finer levels.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.file().is_some_and(|file| {
        ["functions", "shared", "tests"]
            .iter()
            .any(|folder| Path::new(file).starts_with(folder))
    })
}

/// The fields of a span, or of an event, as the inside of a JSON object, with their names.
#[derive(Default)]
struct Fields {
    written: Vec<(&'static str, String)>,
    message: String,
}

impl Fields {
    fn push(&mut self, field: &Field, value: String) {
        let name = field.name();
        match self.written.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.written.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_owned();
        } else {
            let mut text = String::with_capacity(value.len() + 2);
            push_text(&mut text, value);
            self.push(field, text);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            let mut text = String::new();
            push_text(&mut text, format_args!("{value:?}"));
            self.push(field, text);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let mut text = String::new();
        push_number(&mut text, value);
        self.push(field, text);
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&str) + Send + Sync + 'static,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.is_wanted(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.is_wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

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
        let mut fields = Fields::default();
        event.record(&mut fields);
        if !is_ours(event.metadata()) {
            // Which values stand in there is not ours to know.
            fields.written.clear();
            let mut target = String::new();
            push_text(&mut target, event.metadata().target());
            fields.written.push(("library", target));
        }
        // An event's own fields are nearest to it, then those of the span it is in, then of that one's.
        let own = fields.written.len();
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            let inherited = extensions.get::<Fields>().into_iter();
            for (name, value) in inherited.flat_map(|fields| &fields.written) {
                if !fields.written.iter().any(|(known, _)| known == name) {
                    fields.written.push((name, value.clone()));
                }
            }
        }
        // The invocation's keys stand before what the event says.
        fields.written.rotate_left(own);
        let level = event.metadata().level();
        let mut line = match self.form {
            Form::Json => self.json(level, &fields),
            Form::Human => self.human(level, &fields),
        };
        line.push('\n');
        (self.write)(&line);
    }
}

impl<W> Lines<W> {
    fn json(&self, level: &Level, fields: &Fields) -> String {
        let mut line = String::with_capacity(512);
        line.push('{');
        let mut text = |name: &str, value: &dyn fmt::Display| {
            push_name(&mut line, name);
            push_text(&mut line, value);
        };
        text("level", level);
        text("message", &fields.message);
        text("timestamp", &Timestamp::now());
        text("service", &self.process.service);
        text("function_name", &self.process.function_name);
        if let Some(megabytes) = self.process.function_memory_size {
            push_name(&mut line, "function_memory_size");
            let _ = write!(line, "{megabytes}");
        }
        for (name, value) in &fields.written {
            push_name(&mut line, name);
            line.push_str(value);
        }
        line.push('}');
        line
    }

    fn human(&self, level: &Level, fields: &Fields) -> String {
        let mut line = format!("{level:>5} {}: ", self.process.function_name);
        // No stranger's control characters on a terminal.
        let _ = write!(Escaped(&mut line), "{}", fields.message);
        for (name, value) in &fields.written {
            if !["cold_start", "function_request_id", "xray_trace_id"].contains(name) {
                let _ = write!(line, "  {name}={value}");
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    fn logged(form: Form, level: LevelFilter, work: impl FnOnce()) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let process = Process {
            service: "bestow-test".to_owned(),
            function_name: "poll-status".to_owned(),
            function_memory_size: Some(256),
        };
        let layer = Lines::new(process, form, level, move |line: &str| {
            sink.lock().unwrap().push(line.to_owned());
        });
        let subscriber = tracing_subscriber::registry().with(layer);
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
                "function_memory_size": 256,
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
            [" INFO poll-status: it\\u0007 was read  correlation_id=\"\\u001b[31m\"\n"]
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
                "function_memory_size": 256,
                "library": "hyper::client",
            })
        );
    }

    #[test]
    fn below_a_warning_no_library_is_heard_at_any_level() {
        let lines = Lines::new(
            Process {
                service: String::new(),
                function_name: String::new(),
                function_memory_size: None,
            },
            Form::Json,
            LevelFilter::TRACE,
            |_: &str| {},
        );
        let wanted = |file: &'static str, level: Level, target: &'static str| {
            struct Any;
            impl tracing::callsite::Callsite for Any {
                fn set_interest(&self, _: Interest) {}
                fn metadata(&self) -> &Metadata<'_> {
                    unreachable!("nobody asks")
                }
            }
            static ANY: Any = Any;
            let fields = tracing::field::FieldSet::new(&[], tracing::callsite::Identifier(&ANY));
            lines.is_wanted(&Metadata::new(
                "event",
                target,
                level,
                Some(file),
                None,
                None,
                fields,
                tracing::metadata::Kind::EVENT,
            ))
        };
        let library = "/home/me/.cargo/registry/src/x/lambda_runtime/src/lib.rs";
        assert!(wanted("shared/aws/src/lib.rs", Level::TRACE, "aws"));
        assert!(wanted(
            "functions/wallet/src/lib.rs",
            Level::TRACE,
            "wallet"
        ));
        assert!(wanted(library, Level::WARN, "lambda_runtime::runtime"));
        assert!(!wanted(library, Level::INFO, "lambda_runtime::runtime"));
        assert!(!wanted(
            library,
            Level::ERROR,
            "lambda_runtime::layers::panic"
        ));
        assert!(!wanted("vendor/hyper/src/lib.rs", Level::INFO, "hyper"));
    }
}
