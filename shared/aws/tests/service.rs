//! What becomes of a call when the service does not answer as it should.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bestow_aws::{CallError, Dynamodb};
use bestow_runtime::Env;

const ITEM: &str = r#"{"Item": {"pk": {"S": "a"}}}"#;

/// What a service does with one attempt.
#[derive(Clone, Copy)]
enum Answer {
    Item,
    Error(u16, &'static str),
    None,
}

#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    /// Of each attempt the call's id and the attempt's number.
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

async fn answer(State(server): State<Server>, headers: HeaderMap) -> (StatusCode, String) {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert!(header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=key-id/"));
    let attempt = (header("amz-sdk-invocation-id"), header("amz-sdk-request"));
    server.seen.lock().unwrap().push(attempt);
    let answer = server.answers.lock().unwrap().pop_front();
    match answer.unwrap() {
        Answer::Item => (StatusCode::OK, ITEM.to_owned()),
        Answer::Error(status, code) => {
            let body = format!(r#"{{"__type": "com.amazonaws.dynamodb#{code}", "message": "no"}}"#);
            (StatusCode::from_u16(status).unwrap(), body)
        }
        Answer::None => std::future::pending().await,
    }
}

fn dynamodb(endpoint: &str) -> Dynamodb {
    let env = Env::from_iter([
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "key-id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
    ]);
    bestow_aws::sdk::Sdk::from_env(&env).unwrap().dynamodb()
}

async fn get(dynamodb: &Dynamodb) -> Result<(), CallError> {
    let get = dynamodb.get_item().table_name("table");
    let get = get.key("pk", AttributeValue::S("a".to_owned()));
    let answer = dynamodb.send(get).await.map_err(CallError::from_sdk)?;
    assert_eq!(answer.item.unwrap().len(), 1);
    Ok(())
}

/// The outcome of a call of which each attempt is answered so, and the attempts that there were.
async fn call(answers: &[Answer]) -> (Result<(), String>, Vec<(String, String)>) {
    let server = Server::default();
    server.answers.lock().unwrap().extend(answers);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let outcome = get(&dynamodb(&endpoint)).await;
    let seen = server.seen.lock().unwrap().clone();
    (outcome.map_err(|fault| fault.to_string()), seen)
}

#[tokio::test]
async fn what_may_be_over_in_a_moment_is_tried_three_times() {
    use Answer::{Error, Item};
    for once in [
        Error(500, "InternalServerError"),
        Error(503, "ServiceUnavailable"),
        Error(400, "ThrottlingException"),
        Error(400, "ProvisionedThroughputExceededException"),
    ] {
        let (outcome, attempts) = call(&[once, once, Item]).await;
        assert_eq!(outcome, Ok(()));
        let numbers: Vec<&str> = attempts.iter().map(|(_, number)| number.as_str()).collect();
        assert_eq!(
            numbers,
            ["attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3"]
        );
        assert!(attempts.iter().all(|(id, _)| *id == attempts[0].0));

        let (outcome, attempts) = call(&[once, once, once]).await;
        let Error(_, code) = once else { continue };
        assert!(outcome.unwrap_err().ends_with(code));
        assert_eq!(attempts.len(), 3);
    }
}

#[tokio::test]
async fn what_will_stay_as_it_is_is_tried_once() {
    for code in [
        "ValidationException",
        "ConditionalCheckFailedException",
        "AccessDeniedException",
    ] {
        let (outcome, attempts) = call(&[Answer::Error(400, code)]).await;
        assert!(outcome.unwrap_err().ends_with(code));
        assert_eq!(attempts.len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_waited_for_two_seconds() {
    let began = Instant::now();
    let (outcome, attempts) = call(&[Answer::None, Answer::Item]).await;
    assert_eq!((outcome, attempts.len()), (Ok(()), 2));
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert!(waited < Duration::from_secs(4), "{waited:?}");

    let began = Instant::now();
    let (outcome, attempts) = call(&[Answer::None; 3]).await;
    assert_eq!(
        outcome,
        Err("an AWS call failed: no answer in time".to_owned())
    );
    assert_eq!(attempts.len(), 3);
    assert!(began.elapsed() < Duration::from_secs(7));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_said_to_be_out_of_reach() {
    let outcome = get(&dynamodb("http://127.0.0.1:1")).await;
    let reason = outcome.unwrap_err().to_string();
    assert_eq!(
        reason,
        "an AWS call failed: the service could not be reached"
    );
}
