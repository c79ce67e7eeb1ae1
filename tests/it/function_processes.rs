//! The functions as processes of their own, which speak the Lambda Runtime API.

use std::sync::Arc;

use bestow_local::{AwsEndpoints, Binaries, FunctionHost, LocalCloud, Options, RunningCloud};

/// A local cloud whose functions are processes.
pub struct Processes {
    pub running: RunningCloud,
}

impl Processes {
    /// Starts it; `options` says everything but where the functions run.
    pub async fn start(options: Options) -> Self {
        Self::start_with(options, None, "INFO").await
    }

    /// The same with AWS elsewhere, such as behind proxies, and functions that log down to this level.
    pub async fn start_with(
        options: Options,
        aws: Option<AwsEndpoints>,
        log_level: &'static str,
    ) -> Self {
        let functions = FunctionHost::Processes {
            binaries: Binaries::One(env!("CARGO_BIN_EXE_local").into()),
            max_processes: 2,
            aws,
        };
        let options = Options {
            functions,
            change_environment: Some(Arc::new(move |_, variables| {
                variables.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), log_level.to_owned());
            })),
            ..options
        };
        let running = LocalCloud::start(options).await.expect("it starts");
        Self { running }
    }
}
