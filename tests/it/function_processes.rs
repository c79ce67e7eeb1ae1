//! The functions as processes of their own, which speak the Lambda Runtime API: this test binary, started once
//! more, is the one that Lambda's variable names.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

use aws_lambda_events::event::sqs::SqsEvent;
use deliver_webhook::DeliverWebhook;
use erase_claims::EraseClaims;
use lambda_runtime::LambdaEvent;
use local::{AwsEndpoints, FunctionHost, LocalCloud, Options, RunningCloud};
use poll_status::{PollEvent, PollStatus};
use publish_changes::PublishChanges;
use runtime::lambda::{serve_events, serve_http};
use runtime::stream::StreamEvent;
use serde::de::IgnoredAny;
use start_queued::StartQueued;
use tempfile::TempDir;

const FUNCTIONS: [&str; 12] = [
    "deliver-webhook",
    "deliveries",
    "erase-claims",
    "get-status",
    "poll-status",
    "publish-changes",
    "set-credential-status",
    "start-batch",
    "start-issue",
    "start-queued",
    "wallet",
    "wallet-callback",
];

/// A function, as its own `main` runs it. It does nothing in an ordinary run.
#[tokio::test]
async fn function_in_a_process() {
    let ended = match std::env::var("AWS_LAMBDA_FUNCTION_NAME").as_deref() {
        Ok("deliver-webhook") => {
            serve_events(async |env| {
                let deliver_webhook = DeliverWebhook::from_env(env).await?;
                Ok(async move |event: LambdaEvent<SqsEvent>| {
                    Ok(deliver_webhook.handle(event.payload).await)
                })
            })
            .await
        }
        Ok("deliveries") => serve_http(deliveries::app).await,
        Ok("erase-claims") => {
            serve_events(async |env| {
                let erase_claims = EraseClaims::from_env(env).await?;
                Ok(async move |event: LambdaEvent<IgnoredAny>| {
                    Ok(erase_claims.handle(event.context.deadline()).await?)
                })
            })
            .await
        }
        Ok("get-status") => serve_http(get_status::app).await,
        Ok("poll-status") => {
            serve_events(async |env| {
                let poll_status = PollStatus::from_env(env).await?;
                Ok(async move |event: LambdaEvent<PollEvent>| {
                    Ok(poll_status.handle(event.payload).await)
                })
            })
            .await
        }
        Ok("publish-changes") => {
            serve_events(async |env| {
                let publish_changes = PublishChanges::from_env(env).await?;
                Ok(async move |event: LambdaEvent<StreamEvent>| {
                    Ok(publish_changes.handle(event.payload).await)
                })
            })
            .await
        }
        Ok("set-credential-status") => serve_http(set_credential_status::app).await,
        Ok("start-batch") => serve_http(start_batch::app).await,
        Ok("start-issue") => serve_http(start_issue::app).await,
        Ok("start-queued") => {
            serve_events(async |env| {
                let start_queued = StartQueued::from_env(env).await?;
                Ok(async move |event: LambdaEvent<SqsEvent>| {
                    Ok(start_queued.handle(event.payload).await)
                })
            })
            .await
        }
        Ok("wallet") => serve_http(wallet::app).await,
        Ok("wallet-callback") => serve_http(wallet_callback::app).await,
        _ => return,
    };
    assert_eq!(ended, ExitCode::SUCCESS);
}

/// A local cloud whose functions are processes.
pub struct Processes {
    pub running: RunningCloud,
    /// An executable for each function.
    _binaries: TempDir,
}

impl Processes {
    /// Starts it; `options` says everything but where the functions run.
    pub async fn start(options: Options) -> Self {
        Self::start_with(options, None, "INFO").await
    }

    /// The same with AWS elsewhere, such as behind proxies, and functions that log down to this level.
    pub async fn start_with(options: Options, aws: Option<AwsEndpoints>, log_level: &str) -> Self {
        let binaries = binaries(log_level);
        let functions = FunctionHost::Processes {
            binaries: binaries.path().to_owned(),
            max_processes: 2,
            aws,
        };
        let options = Options {
            functions,
            ..options
        };
        let running = LocalCloud::start(options).await.expect("it starts");
        Self {
            running,
            _binaries: binaries,
        }
    }
}

fn binaries(log_level: &str) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let tests = std::env::current_exe().expect("this binary");
    for function in FUNCTIONS {
        let script = format!(
            "#!/bin/sh\nexport AWS_LAMBDA_LOG_LEVEL={log_level}\nexec '{}' --exact function_processes::function_in_a_process --nocapture --test-threads=2\n",
            tests.display()
        );
        let path = directory.path().join(function);
        fs::write(&path, script).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    directory
}
