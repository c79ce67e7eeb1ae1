//! The functions' logs: one JSON object a line, with the same keys in every function, or text on a terminal.
//! `infra/docs/logging.md` has the rules.
//!
//! A line has the fields of its event and those of the spans around it, such as the invocation's.

mod lines;

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use lambda_runtime::{Context, Diagnostic};
use tracing::Instrument;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::env::Env;
use crate::metrics;
use crate::trace::{self, TraceHeader};

use lines::{Form, Line, Lines, wanted};

/// What every line says of its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// `SERVICE_NAME`: the deployment, which tells staging from production.
    pub(crate) service: String,
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    pub(crate) function_name: String,
}

impl Process {
    fn from_env(env: &Env) -> Self {
        let text = |name: &str, default: &str| env.optional(name).unwrap_or(default).to_owned();
        Self {
            service: text("SERVICE_NAME", "bestow"),
            function_name: text("AWS_LAMBDA_FUNCTION_NAME", "unknown"),
        }
    }
}

static PROCESS: OnceLock<Process> = OnceLock::new();

/// Writes the log of this process to standard output.
///
/// Reads `SERVICE_NAME`, `AWS_LAMBDA_LOG_LEVEL` (set by Lambda) or else `LOG_LEVEL`, and what Lambda says of the
/// function. None of it keeps a function from starting.
pub(crate) fn start(env: &Env) {
    let process = PROCESS.get_or_init(|| Process::from_env(env));
    let level = env
        .optional("AWS_LAMBDA_LOG_LEVEL")
        .or_else(|| env.optional("LOG_LEVEL"))
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    let form = if std::io::stdout().is_terminal() {
        Form::Human
    } else {
        Form::Json
    };
    let lines = Lines::new(process.clone(), form, write);
    let subscriber = tracing_subscriber::registry()
        .with(wanted(level))
        .with(lines);
    // A second start changes nothing.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(report_panic));
    }
}

/// One write for a line, so that lines of several threads do not mix. A function does not fail over its log.
fn write(line: &str) {
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// Logs the place alone: the message can quote what was being read.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, "the function panicked");
}

/// Does the work of one invocation, in a span with its keys and as a part of its trace, and then writes metrics that
/// no line had. A panic fails the invocation; its message goes nowhere.
pub(crate) async fn invocation<T>(
    context: &Context,
    work: impl Future<Output = T>,
) -> Result<T, Diagnostic> {
    static WARM: AtomicBool = AtomicBool::new(false);
    let cold_start = !WARM.swap(true, Ordering::Relaxed);
    let trace = context.xray_trace_id.as_deref();
    let trace = trace.and_then(TraceHeader::parse);
    let span = tracing::info_span!(
        "invocation",
        cold_start = cold_start.then_some(true),
        function_request_id = context.request_id,
        xray_trace_id = trace.as_ref().map(TraceHeader::trace_id),
    );
    if cold_start {
        metrics::count(metrics::Counter::ColdStarts, 1);
    }
    // Only clients and configuration outlive the work, and a panic leaves them as they were.
    let work = AssertUnwindSafe(work).catch_unwind().instrument(span);
    let done = trace::within(trace, work).await;
    while let (Some(process), Some(document)) = (PROCESS.get(), metrics::rest()) {
        Line {
            process,
            level: "INFO",
            message: "metrics",
            fields: &[("function_request_id", context.request_id.as_str().into())],
            metrics: Some(document),
        }
        .write(write);
    }
    done.map_err(|_panic| Diagnostic {
        error_type: "Panicked".to_owned(),
        error_message: "the function panicked; its log says where".to_owned(),
    })
}
