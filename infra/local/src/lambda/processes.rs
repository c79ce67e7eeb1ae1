//! Runs a function's binary as Lambda does: as processes of its own, each of which asks the Lambda
//! Runtime API for one invocation at a time.
//!
//! [`LambdaFunction::invoke`] hands a payload to a free process, and starts another one if none is free,
//! up to a limit. A process that dies fails the invocation it had, and the next one finds a new process.

mod cpu_time;
mod pool;
mod process;
mod runtime_api;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, time::Duration};

use axum::body::Bytes;
use pool::Pool;

/// What to run, and how.
#[derive(Clone)]
pub struct LambdaConfig {
    /// The function's name, as in `AWS_LAMBDA_FUNCTION_NAME`.
    pub name: String,
    /// The compiled binary.
    pub binary: PathBuf,
    /// The function's environment. Lambda's own variables are added; nothing else of this process's
    /// environment is handed on but `PATH`.
    pub environment: BTreeMap<String, String>,
    /// The memory size that the function is told, in MB. Nothing limits it to that.
    pub memory_mb: u32,
    /// How long an invocation may take. A process that takes longer is killed, as in Lambda.
    pub timeout: Duration,
    /// How many processes there may be at once. Further invocations wait for a free one, where Lambda
    /// would refuse them.
    pub max_processes: usize,
    /// Takes each line that a process writes.
    pub log: LogSink,
}

/// Takes the lines that processes write.
pub type LogSink = Arc<dyn Fn(LogLine<'_>) + Send + Sync>;

/// A line that a process wrote to standard output or standard error.
#[derive(Debug, Clone, Copy)]
pub struct LogLine<'a> {
    /// The function's name.
    pub function: &'a str,
    /// The process.
    pub pid: u32,
    /// The line, without its end.
    pub text: &'a str,
}

/// Why an invocation has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The process could not be started.
    #[error("{binary} cannot be started")]
    Start {
        /// The binary.
        binary: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The process ended before it asked for work.
    #[error("the function did not start ({status}): {reason}")]
    Init {
        /// How the process ended, such as `exit status: 1`.
        status: String,
        /// What the function reported, if it did.
        reason: String,
    },
    /// The function answered with an error.
    #[error("the function failed: {kind}: {message}")]
    Function {
        /// The error's type, as the function reported it.
        kind: String,
        /// The error's message.
        message: String,
    },
    /// The process ended during the invocation.
    #[error("the function's process ended ({0}) during the invocation")]
    Exited(String),
    /// The invocation took too long, and its process was killed.
    #[error("the function timed out after {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The process asked for more work without an answer to what it had.
    #[error("the function did not answer the invocation")]
    NotAnswered,
    /// The function has been stopped.
    #[error("the function has been stopped")]
    Stopped,
}

/// An invocation that a process works on.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// The process.
    pub pid: u32,
    /// The invocation's own id.
    pub request_id: String,
    /// What the function was invoked with, as JSON.
    pub payload: Bytes,
}

/// What is known of one process. Times are counted from its start. CPU times are of all its threads, where the system
/// tells (Linux).
#[derive(Debug, Clone)]
pub struct ProcessReport {
    /// The process.
    pub pid: u32,
    /// False once it has ended.
    pub running: bool,
    /// Until its first answer.
    pub first_answer: Option<Duration>,
    /// The CPU time that it had used by its first answer.
    pub first_answer_cpu: Option<Duration>,
    /// The CPU time that it has used; if it has ended, none or what it had used when it was killed.
    pub cpu: Option<Duration>,
}

/// A function that runs as processes. Clones are handles to the same processes, which run until
/// [`stop`](Self::stop) or the end of the tokio runtime.
#[derive(Clone)]
pub struct LambdaFunction {
    pool: Arc<Pool>,
}

impl LambdaFunction {
    /// Nothing is started yet: the first invocation does.
    pub fn new(config: LambdaConfig) -> Self {
        Self {
            pool: Pool::new(config, process::start),
        }
    }

    /// The function's name.
    pub fn name(&self) -> &str {
        &self.pool.config().name
    }

    /// How long an invocation may take.
    pub fn timeout(&self) -> Duration {
        self.pool.config().timeout
    }

    /// Invokes the function with a JSON payload, and gives the JSON that it answers. The invocation goes on if the
    /// future is dropped.
    ///
    /// # Errors
    /// The function's own error, or why it could not answer.
    pub async fn invoke(&self, payload: impl Into<Bytes>) -> Result<Bytes, InvokeError> {
        self.pool.invoke(payload.into()).await
    }

    /// Kills all processes without warning (`SIGKILL`), waits until they are gone, and tells how many
    /// they were. Invocations in them fail with [`InvokeError::Exited`]; later ones find new processes.
    pub async fn kill(&self) -> usize {
        self.pool.kill().await
    }

    /// Kills all processes and refuses further invocations.
    pub async fn stop(&self) {
        self.pool.stop().await;
    }

    /// The invocations that processes work on now.
    pub fn under_way(&self) -> Vec<UnderWay> {
        self.pool.under_way()
    }

    /// Whether nothing is under way, and nothing waits for a process.
    pub fn is_idle(&self) -> bool {
        self.pool.is_idle()
    }

    /// All processes so far, in the order they were started.
    pub fn processes(&self) -> Vec<ProcessReport> {
        self.pool.reports()
    }
}
