//! What the functions send to AWS, noted on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::Value;

use crate::function_host::{Functions, free_port, serve};

/// In a correlation id: the wallet fails when it is asked about that issuance.
pub const UNLUCKY: &str = "unlucky";

/// The variables that lead to the embedded services.
const TO_AWS: [&str; 3] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "AWS_ENDPOINT_URL_SQS",
];

/// Stands between the functions and AWS, and between poll-status and the wallet.
#[derive(Clone, Default)]
pub struct Wiretap {
    calls: Arc<Mutex<Vec<Call>>>,
    questions: Arc<Mutex<usize>>,
    behind: Arc<Mutex<BTreeMap<(String, String), String>>>,
}

/// A call to AWS.
#[derive(Debug, Clone)]
pub struct Call {
    /// The function, by its binary's name.
    pub function: &'static str,
    pub operation: String,
    pub body: Value,
}

impl Call {
    /// The IAM actions that the call needs: a transaction needs those of its parts.
    pub fn actions(&self) -> Vec<String> {
        match self.operation.as_str() {
            "TransactWriteItems" => self.body["TransactItems"]
                .as_array()
                .expect("items")
                .iter()
                .flat_map(|item| item.as_object().expect("an item").keys())
                .map(|kind| match kind.as_str() {
                    "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                    kind => format!("dynamodb:{kind}Item"),
                })
                .collect(),
            "SendMessageBatch" => vec!["sqs:SendMessage".to_owned()],
            "SendMessage" | "ChangeMessageVisibility" => vec![format!("sqs:{}", self.operation)],
            "PutEvents" => vec!["events:PutEvents".to_owned()],
            _ => vec![format!("dynamodb:{}", self.operation)],
        }
    }
}

impl Wiretap {
    /// Starts all functions with every one of their calls to AWS tapped.
    pub async fn start() -> (Self, Functions) {
        let tap = Self::default();
        let mut proxies = BTreeMap::new();
        for binary in [
            "erase-claims",
            "start-issue",
            "start-batch",
            "start-queued",
            "get-status",
            "poll-status",
            "publish-changes",
            "deliver-webhook",
            "deliveries",
            "set-credential-status",
            "wallet",
            "wallet-callback",
        ] {
            for name in TO_AWS
                .into_iter()
                .filter(|name| binary != "erase-claims" || name.ends_with("DYNAMODB"))
                .chain((binary == "poll-status").then_some("WALLET_BASE_URL"))
            {
                let state = (tap.clone(), binary, name, reqwest::Client::new());
                let routes = Router::new().fallback(pass_on).with_state(state);
                let address = serve(routes, free_port().await);
                proxies.insert((binary.to_owned(), name.to_owned()), address);
            }
        }
        let functions = Functions::start(|binary, variables| {
            for ((_, name), proxy) in proxies.iter().filter(|((of, _), _)| of == binary) {
                let behind = variables.insert(name.clone(), proxy.clone());
                let behind = behind.unwrap_or_else(|| panic!("{binary} has no {name}"));
                let place = (binary.to_owned(), name.clone());
                tap.behind
                    .lock()
                    .expect("no test panicked in it")
                    .insert(place, behind);
            }
        })
        .await;
        (tap, functions)
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no test panicked in it").clone()
    }

    /// How often poll-status has asked the wallet so far.
    pub fn questions(&self) -> usize {
        *self.questions.lock().expect("no test panicked in it")
    }

    /// The IAM actions that a function needed so far.
    pub fn actions_of(&self, binary: &str) -> BTreeSet<String> {
        let calls = self.calls();
        calls
            .iter()
            .filter(|call| call.function == binary)
            .flat_map(Call::actions)
            .collect()
    }

    fn behind(&self, binary: &str, name: &str) -> String {
        let behind = self.behind.lock().expect("no test panicked in it");
        behind[&(binary.to_owned(), name.to_owned())].clone()
    }
}

async fn pass_on(
    State((tap, binary, name, http)): State<(Wiretap, &'static str, &'static str, reqwest::Client)>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path.contains(UNLUCKY) {
        return answer(StatusCode::SERVICE_UNAVAILABLE, Vec::new());
    }
    let body = axum::body::to_bytes(body, 16 << 20).await.expect("a body");
    if let Some(target) = head.headers.get("x-amz-target") {
        let (_, operation) = target
            .to_str()
            .expect("ASCII")
            .split_once('.')
            .expect("an operation");
        tap.calls
            .lock()
            .expect("no test panicked in it")
            .push(Call {
                function: binary,
                operation: operation.to_owned(),
                body: serde_json::from_slice(&body).expect("JSON"),
            });
    }
    if name == "WALLET_BASE_URL" {
        *tap.questions.lock().expect("no test panicked in it") += 1;
    }
    let url = format!("{}{path}", tap.behind(binary, name));
    let mut onward = http.request(head.method, url).body(body);
    for (name, value) in &head.headers {
        if name != "host" && name != "content-length" {
            onward = onward.header(name, value);
        }
    }
    let response = onward
        .send()
        .await
        .expect("what is behind the proxy answers");
    let (status, headers) = (response.status(), response.headers().clone());
    let mut passed = answer(status, response.bytes().await.expect("a body").to_vec());
    for (name, value) in &headers {
        if name.as_str().starts_with("x-amz") || name == "content-type" {
            passed.headers_mut().insert(name, value.clone());
        }
    }
    passed
}

fn answer(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer
}
