//! Receivers that fail, and functions that die: nothing is lost, and what is doubled can be told by its id.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::backend::{Backend, PATIENCE, badge, unique};
use crate::cloud;
use crate::external_wallet::Behaviour;
use crate::function_host::{Functions, NOBODY, free_port, serve};
use crate::receiver::{Receiver, status};

/// Starts an issuance whose changes are posted to `url`. Nobody takes it, so there is one change.
async fn start(backend: &Backend, url: &str) -> String {
    let id = unique("retried");
    let mut body = badge(&id);
    body["callback"] = json!({"url": url});
    backend.start(&body).await.expect(201);
    id
}

/// The delivery once its first attempt has failed.
async fn failed_once(backend: &Backend, id: &str) -> Value {
    failed_once_within(backend, id, PATIENCE).await
}

async fn failed_once_within(backend: &Backend, id: &str, limit: Duration) -> Value {
    let has_failed = |one: &Value| {
        one["attempts"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    };
    let delivery = backend
        .until_delivery_within(id, "an attempt is recorded", limit, has_failed)
        .await;
    assert_eq!(delivery["status"], "pending", "{delivery}");
    delivery
}

/// How many seconds after its last attempt the next one is due.
fn wait_seconds(delivery: &Value) -> i64 {
    let attempts = delivery["attempts"].as_array().unwrap();
    let last = &attempts[attempts.len() - 1];
    let over = last["at"].as_i64().unwrap() + last["ms"].as_i64().unwrap();
    (delivery["next_attempt_at"].as_i64().unwrap() - over) / 1_000
}

#[tokio::test]
async fn what_fails_is_tried_again_under_the_same_id() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    receiver.answers([status(500)]);
    let id = start(&backend, &receiver.url).await;
    let failed = failed_once(&backend, &id).await;
    assert!((4..=6).contains(&wait_seconds(&failed)), "{failed}");
    let is_delivered = |one: &Value| one["status"] == "delivered";
    let delivered = backend
        .until_delivery(&id, "it is delivered", is_delivered)
        .await;
    let told = |attempt: &Value| (attempt["http_status"].clone(), attempt["error"].clone());
    let attempts: Vec<_> = delivered["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(told)
        .collect();
    assert_eq!(
        attempts,
        [
            (json!(500), json!("http_status")),
            (json!(204), Value::Null)
        ]
    );
    let posts = receiver.posts();
    assert_eq!(
        (posts[0].id(), &posts[0].body),
        (posts[1].id(), &posts[1].body)
    );
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_is_left_alone() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    for (http_status, asked_for, given) in
        [(503, "3600", 3_600), (429, "1", 5), (502, "999999", 72_000)]
    {
        let retry_after = vec![("retry-after", asked_for.to_owned())];
        receiver.answers([Behaviour::Answer(http_status, retry_after, String::new())]);
        let id = start(&backend, &receiver.url).await;
        let failed = failed_once(&backend, &id).await;
        assert_eq!(failed["attempts"][0]["http_status"], http_status);
        let wait = wait_seconds(&failed);
        assert!(
            (given - 1..=given + 1).contains(&wait),
            "{asked_for}: {wait}"
        );
    }
}

#[tokio::test]
async fn each_way_to_fail_has_a_name() {
    let backend = cloud::shared().backend();
    let (receiver, elsewhere) = (Receiver::start().await, Receiver::start().await);
    let to = |location: &str| {
        let location = vec![("location", location.to_owned())];
        Behaviour::Answer(307, location, String::new())
    };
    for (url, answer, error, http_status) in [
        (
            receiver.url.clone(),
            to(&elsewhere.url),
            "redirect",
            json!(307),
        ),
        (receiver.url.clone(), status(404), "http_status", json!(404)),
        (
            format!("{NOBODY}/hook"),
            status(204),
            "connection_refused",
            Value::Null,
        ),
        // TLS with someone who does not speak it.
        (
            receiver.url.replace("http:", "https:"),
            status(204),
            "tls",
            Value::Null,
        ),
    ] {
        receiver.answers([answer]);
        let id = start(&backend, &url).await;
        let failed = failed_once(&backend, &id).await;
        let attempt = &failed["attempts"][0];
        assert_eq!(
            (&attempt["error"], &attempt["http_status"]),
            (&json!(error), &http_status)
        );
    }
    assert!(elsewhere.posts().is_empty(), "redirects are not followed");
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_is_given_20_seconds() {
    let (backend, receiver) = (cloud::shared().backend(), Receiver::start().await);
    receiver.answers([Behaviour::Hang]);
    let id = start(&backend, &receiver.url).await;
    receiver.until("it is posted", |_| true).await;
    let failed = failed_once_within(&backend, &id, 2 * PATIENCE).await;
    let attempt = &failed["attempts"][0];
    assert_eq!(attempt["error"], "timeout");
    let ms = attempt["ms"].as_u64().unwrap();
    assert!((19_900..25_000).contains(&ms), "{ms}");
}

#[tokio::test]
async fn doubled_messages_are_not_posted_twice() {
    let (cloud, receiver) = (cloud::shared(), Receiver::start().await);
    let backend = cloud.backend();
    let id = start(&backend, &receiver.url).await;
    let is_delivered = |one: &Value| one["status"] == "delivered";
    let delivered = backend
        .until_delivery(&id, "it is delivered", is_delivered)
        .await;
    for _ in 0..3 {
        cloud
            .queues()
            .deliver(delivered["id"].as_str().unwrap(), 0)
            .await;
    }
    // One that is not of a delivery keeps nobody up.
    cloud.queues().send_delivery("poison").await;
    let other = start(&backend, &receiver.url).await;
    backend
        .until_delivery(&other, "the next is delivered", is_delivered)
        .await;
    let ids: Vec<_> = receiver
        .posts()
        .iter()
        .map(|post| post.id().to_owned())
        .collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
}

#[tokio::test]
async fn an_attempt_that_was_not_recorded_is_made_again() {
    let is_down = Arc::new(AtomicBool::new(true));
    let (proxy, behind) = table_that_refuses_writes(is_down.clone()).await;
    let functions = Functions::start(move |binary, variables| {
        if binary == "deliver-webhook" {
            let name = "AWS_ENDPOINT_URL_DYNAMODB".to_owned();
            let table = variables.insert(name, proxy.clone()).expect("it has one");
            behind.set(table).expect("once");
        }
    })
    .await;
    let (backend, receiver) = (&functions.backend, Receiver::start().await);
    functions.queues().redeliver_at_once();
    let id = start(backend, &receiver.url).await;
    receiver.until("it is posted", |_| true).await;
    let twice = |_: &_| receiver.posts().len() > 1;
    receiver.until("it is posted again", twice).await;
    let listed = backend.deliveries(&id).await.expect(200).body;
    assert_eq!(
        listed["deliveries"][0]["attempts"],
        json!([]),
        "nothing is recorded yet"
    );

    is_down.store(false, Ordering::SeqCst);
    let is_delivered = |one: &Value| one["status"] == "delivered";
    backend
        .until_delivery(&id, "it is delivered", is_delivered)
        .await;
    let posts = receiver.posts();
    let ids: BTreeSet<_> = posts.iter().map(|post| post.id()).collect();
    assert_eq!(ids.len(), 1, "receivers can tell");
    assert_eq!(functions.queues().dead_deliveries().await, 0);
}

/// A proxy before the table, and where it is told what stands behind it.
async fn table_that_refuses_writes(
    is_down: Arc<AtomicBool>,
) -> (String, Arc<std::sync::OnceLock<String>>) {
    let behind = Arc::new(std::sync::OnceLock::<String>::new());
    let (table, http) = (behind.clone(), reqwest::Client::new());
    let pass_on = move |request: Request| {
        let (is_down, table, http) = (is_down.clone(), table.clone(), http.clone());
        async move {
            let (head, body) = request.into_parts();
            let target = head.headers.get("x-amz-target");
            let is_write = target.is_some_and(|target| target.as_bytes().ends_with(b".PutItem"));
            let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
            let (status, body) = if is_write && is_down.load(Ordering::SeqCst) {
                (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
            } else {
                let mut onward = http.post(table.get().expect("it is known")).body(body);
                for (name, value) in &head.headers {
                    if name != "host" && name != "content-length" {
                        onward = onward.header(name, value);
                    }
                }
                let answer = onward.send().await.expect("the table answers");
                (
                    answer.status(),
                    answer.bytes().await.expect("a body").to_vec(),
                )
            };
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = status;
            response
        }
    };
    let proxy = serve(Router::new().fallback(pass_on), free_port().await);
    (proxy, behind)
}
