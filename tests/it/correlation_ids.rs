//! Correlation ids behind API Gateway, whose HTTP APIs decode paths: the functions run as processes that
//! speak the Lambda Runtime API, behind a gateway that delivers paths as live ones did.

use bestow_local::Options;
use futures::future::join_all;

use crate::answer::Answer;
use crate::backend::{Backend, PATIENCE, iban};
use crate::eventually::eventually;
use crate::function_processes::Processes;
use crate::wallet_client::WalletClient;

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
    let processes = Processes::start(Options::default()).await;
    let cloud = &processes.running;
    let backend = Backend::new(cloud.base_url(), cloud.api_key());
    join_all(IDS.map(|id| follow(&backend, id))).await;
    backend.start(&iban("..")).await.expect_problem(400);
    processes.running.shutdown().await;
}
