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
use axum::response::{IntoResponse, Response};
use bestow_aws::{CallError, Dynamodb, Table};
use bestow_runtime::Env;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

const PAGE: &str = r#"{"Items": [{"pk": {"S": "a"}}], "LastEvaluatedKey": {"pk": {"S": "a"}}}"#;
const LAST_PAGE: &str = r#"{"Items": [{"pk": {"S": "b"}}]}"#;
const ITEM: &str = r#"{"Item": {"pk": {"S": "a"}}}"#;

/// What a service does with one attempt.
#[derive(Clone, Copy)]
enum Answer {
    Item,
    Page,
    LastPage,
    Error(u16, &'static str),
    /// Asks for a wait of so many milliseconds.
    Busy(u32),
    /// By a clock that is so many hours ahead, at which no request is taken that is not signed by it.
    Ahead(i64),
    None,
}

/// What is seen of one attempt.
#[derive(Clone)]
struct Attempt {
    invocation_id: String,
    number: String,
    at: Instant,
}

#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Attempt>>>,
    bodies: Arc<Mutex<Vec<String>>>,
}

async fn answer(State(server): State<Server>, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert!(header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=key-id/"));
    server.seen.lock().unwrap().push(Attempt {
        invocation_id: header("amz-sdk-invocation-id"),
        number: header("amz-sdk-request"),
        at: Instant::now(),
    });
    server.bodies.lock().unwrap().push(body);
    let error = |status: u16, code: &str| {
        let body = format!(r#"{{"__type": "com.amazonaws.dynamodb#{code}", "message": "no"}}"#);
        (StatusCode::from_u16(status).unwrap(), body)
    };
    let answer = server.answers.lock().unwrap().pop_front();
    match answer.unwrap() {
        Answer::Item => ITEM.into_response(),
        Answer::Page => PAGE.into_response(),
        Answer::LastPage => LAST_PAGE.into_response(),
        Answer::Error(status, code) => error(status, code).into_response(),
        Answer::Busy(ms) => {
            let headers = [("x-amz-retry-after", ms.to_string())];
            (headers, error(503, "ServiceUnavailable")).into_response()
        }
        Answer::Ahead(hours) => {
            let now = Timestamp::now() + SignedDuration::from_hours(hours);
            let signed_at = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", header("x-amz-date"));
            let signed_at = TimeZone::UTC.to_timestamp(signed_at.unwrap()).unwrap();
            if now.duration_since(signed_at).abs() < SignedDuration::from_mins(5) {
                return ITEM.into_response();
            }
            let date = DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&now)
                .unwrap();
            ([("date", date)], error(400, "InvalidSignatureException")).into_response()
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
    let answer = dynamodb.send(&get).await.map_err(CallError::from_sdk)?;
    assert_eq!(answer.item.unwrap().len(), 1);
    Ok(())
}

/// The outcome of a call of which each attempt is answered so, and the attempts that there were.
async fn call(answers: &[Answer]) -> (Result<(), String>, Vec<Attempt>) {
    let (server, dynamodb) = serve(answers).await;
    let outcome = get(&dynamodb).await;
    let seen = server.seen.lock().unwrap().clone();
    (outcome.map_err(|fault| fault.to_string()), seen)
}

/// A server that answers attempts so, and a client of it.
async fn serve(answers: &[Answer]) -> (Server, Dynamodb) {
    let server = Server::default();
    server.answers.lock().unwrap().extend(answers);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(server.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (server, dynamodb(&endpoint))
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
        let numbers: Vec<&str> = attempts.iter().map(|one| one.number.as_str()).collect();
        assert_eq!(
            numbers,
            ["attempt=1; max=3", "attempt=2; max=3", "attempt=3; max=3"]
        );
        let id = &attempts[0].invocation_id;
        assert!(attempts.iter().all(|one| one.invocation_id == *id));

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
async fn a_service_that_asks_for_a_wait_is_given_it_within_limits() {
    for (asked, least, most) in [(0, 0, 200), (600, 600, 900)] {
        let (outcome, attempts) = call(&[Answer::Busy(asked), Answer::Item]).await;
        assert_eq!((outcome, attempts.len()), (Ok(()), 2));
        let waited = attempts[1].at - attempts[0].at;
        assert!(
            waited >= Duration::from_millis(least),
            "{asked}: {waited:?}"
        );
        assert!(waited < Duration::from_millis(most), "{asked}: {waited:?}");
    }
    // An hour is more than a call may take.
    let (outcome, attempts) = call(&[Answer::Busy(3_600_000), Answer::Item]).await;
    assert_eq!((outcome, attempts.len()), (Ok(()), 2));
    let waited = attempts[1].at - attempts[0].at;
    assert!(waited < Duration::from_secs(6), "{waited:?}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_set_by_the_service() {
    for hours in [1, -30] {
        let answers = [Answer::Ahead(hours); 3];
        let (server, dynamodb) = serve(&answers).await;
        get(&dynamodb).await.unwrap();
        assert_eq!(
            server.seen.lock().unwrap().len(),
            2,
            "set after one refusal"
        );
        get(&dynamodb).await.unwrap();
        assert_eq!(
            server.seen.lock().unwrap().len(),
            3,
            "and right from then on"
        );
    }
}

#[tokio::test]
async fn a_signature_that_is_wrong_for_another_reason_is_sent_once() {
    let (outcome, attempts) = call(&[Answer::Error(400, "InvalidSignatureException")]).await;
    assert!(outcome.is_err());
    assert_eq!(attempts.len(), 1);
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

#[tokio::test]
async fn a_query_is_read_to_its_last_page() {
    let (server, dynamodb) = serve(&[Answer::Page, Answer::LastPage]).await;
    let table = Table::new(dynamodb, "table");
    let query = table.query("pk = :pk", [(":pk", AttributeValue::S("a".to_owned()))]);
    assert_eq!(table.all_items(query).await.unwrap().len(), 2);
    let bodies = server.bodies.lock().unwrap().clone();
    assert!(!bodies[0].contains("ExclusiveStartKey"), "{}", bodies[0]);
    assert!(
        bodies[1].contains(r#""ExclusiveStartKey":{"pk":{"S":"a"}}"#),
        "{}",
        bodies[1]
    );
}

#[tokio::test]
async fn a_page_that_cannot_be_read_is_the_last_one() {
    let denied = Answer::Error(400, "AccessDeniedException");
    let (_, dynamodb) = serve(&[Answer::Page, denied]).await;
    let mut pages = Table::new(dynamodb, "table").due("index", 0, 0, |_| Some(()));
    assert!(pages.next().await.unwrap().is_ok());
    assert!(pages.next().await.unwrap().is_err());
    assert!(pages.next().await.is_none());
}
