//! Correlation ids behind API Gateway, whose HTTP APIs decode paths: the functions run as processes that
//! speak the Lambda Runtime API, behind a gateway that delivers paths as live ones did.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use erase_claims::EraseClaims;
use futures::future::join_all;
use lambda_runtime::{LambdaEvent, service_fn};
use local::{FunctionHost, LocalCloud, Options};
use poll_status::PollStatus;
use runtime::Env;
use serde_json::Value;
use start_queued::StartQueued;
use tempfile::TempDir;

use crate::answer::Answer;
use crate::backend::{Backend, PATIENCE, iban};
use crate::eventually::eventually;
use crate::wallet_client::WalletClient;

const FUNCTIONS: [&str; 9] = [
    "erase-claims",
    "get-status",
    "poll-status",
    "set-credential-status",
    "start-batch",
    "start-issue",
    "start-queued",
    "wallet",
    "wallet-callback",
];

const IDS: [&str; 8] = [
    "é ü",
    "urn:order:7",
    "a/b?c#d%25 e",
    "~x",
    "~YS9i",
    " within \\ ",
    "../..",
    "100%",
];

/// A function in its process: this test binary, started once more, is the one that Lambda's variable
/// names. It does nothing in an ordinary run.
#[tokio::test]
async fn function_in_a_process() {
    let env = Env::from_process();
    let app = match std::env::var("AWS_LAMBDA_FUNCTION_NAME").as_deref() {
        Ok("get-status") => get_status::app(&env).await,
        Ok("erase-claims") => return run_erase_claims(&env).await,
        Ok("poll-status") => return run_poll_status(&env).await,
        Ok("set-credential-status") => set_credential_status::app(&env).await,
        Ok("start-batch") => start_batch::app(&env).await,
        Ok("start-queued") => return run_start_queued(&env).await,
        Ok("start-issue") => start_issue::app(&env).await,
        Ok("wallet") => wallet::app(&env).await,
        Ok("wallet-callback") => wallet_callback::app(&env).await,
        _ => return,
    };
    let app = app.expect("its configuration is complete");
    runtime::http::serve(app).await.expect("it serves");
}

async fn run_erase_claims(env: &Env) {
    let erase_claims = EraseClaims::from_env(env).await.expect("it starts");
    let handler = service_fn(async |event: LambdaEvent<Value>| {
        let erased = erase_claims.handle(event.context.deadline()).await?;
        Ok::<_, lambda_runtime::Error>(erased)
    });
    lambda_runtime::run(handler).await.expect("it serves");
}

async fn run_poll_status(env: &Env) {
    let poll_status = PollStatus::from_env(env).await.expect("it starts");
    let handler = service_fn(async |event: LambdaEvent<Value>| {
        let batch = serde_json::from_value(event.payload)?;
        Ok::<_, lambda_runtime::Error>(poll_status.handle(batch).await)
    });
    lambda_runtime::run(handler).await.expect("it serves");
}

async fn run_start_queued(env: &Env) {
    let start_queued = StartQueued::from_env(env).await.expect("it starts");
    let handler = service_fn(async |event: LambdaEvent<Value>| {
        let batch = serde_json::from_value(event.payload)?;
        Ok::<_, lambda_runtime::Error>(start_queued.handle(batch).await)
    });
    lambda_runtime::run(handler).await.expect("it serves");
}

/// A directory with an executable for each function.
pub fn binaries() -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let tests = std::env::current_exe().expect("this binary");
    for function in FUNCTIONS {
        let script = format!(
            "#!/bin/sh\nexec '{}' --exact correlation_ids::function_in_a_process --nocapture\n",
            tests.display()
        );
        let path = directory.path().join(function);
        fs::write(&path, script).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    directory
}

/// From Start issue to the end, with no other address than the `status_uri` that was answered.
async fn follow(server: &Backend, id: &str) {
    let started = server.start_iban(id).await;
    assert_eq!(started.str("correlation_id"), id);
    let status_uri = started.str("status_uri");
    let ask = async || {
        let request = server.http.get(status_uri);
        let answer = Answer::to(request.header("x-api-key", &server.api_key)).await;
        answer.expect(200)
    };
    assert_eq!(ask().await.str("correlation_id"), id, "{status_uri}");

    WalletClient::new().take(started.str("request_uri")).await;
    let is_completed = async || (ask().await.str("status") == "issue_completed").then_some(());
    eventually(status_uri, PATIENCE, is_completed).await;
}

#[tokio::test]
async fn an_issuance_is_followed_behind_api_gateway_whatever_its_id() {
    let binaries = binaries();
    let functions = FunctionHost::Processes {
        binaries: binaries.path().to_owned(),
        max_processes: 2,
        aws: None,
    };
    let options = Options {
        functions,
        ..Options::default()
    };
    let cloud = LocalCloud::start(options).await.expect("it starts");
    let backend = Backend::new(cloud.base_url(), cloud.api_key());
    join_all(IDS.map(|id| follow(&backend, id))).await;
    backend.start(&iban("..")).await.expect_problem(400);

    // The bundled wallet serves the same contract, under names of its own.
    let wallet = cloud.function_environment("wallet").expect("it is there");
    let base_url = format!("{}/wallet", cloud.base_url());
    let wallet = Backend::new(&base_url, &wallet["WALLET_API_KEY"]);
    follow(&wallet, "directly/to?the#wallet").await;
    cloud.shutdown().await;
}
