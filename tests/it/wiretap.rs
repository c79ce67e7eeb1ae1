//! What the functions send to AWS, noted on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use bestow_functions::FUNCTIONS;
use serde_json::Value;

use crate::backend::PATIENCE;
use crate::eventually::eventually;
use crate::function_host::{Functions, free_port, serve};
use crate::template::Permission;

/// The variables that lead to the embedded services.
const TO_AWS: [&str; 3] = [
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "AWS_ENDPOINT_URL_SQS",
];

/// What DynamoDB answers when the place on the status list is another credential's.
const PLACE_IS_TAKEN: &str = r#"{
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]
}"#;

/// Stands between the functions and AWS.
#[derive(Clone, Default)]
pub struct Wiretap {
    calls: Arc<Mutex<Vec<Call>>>,
    /// Whether poll-status cannot read what has become of an offer.
    wallet_is_down: Arc<AtomicBool>,
    /// How many more places on a status list are another credential's.
    places_taken: Arc<AtomicUsize>,
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
    /// Whether the bundled wallet's table is read.
    fn asks_wallet(&self) -> bool {
        let reads = ["GetItem", "BatchGetItem"].contains(&self.operation.as_str());
        reads
            && self
                .permissions()
                .iter()
                .any(|(_, resource)| resource.starts_with("WalletTable"))
    }

    /// What the call needs a policy for: a transaction needs what its parts need.
    pub fn permissions(&self) -> Vec<Permission> {
        let (operation, body) = (self.operation.as_str(), &self.body);
        let on = |action: &str, resource: &str| (action.to_owned(), resource.to_owned());
        match operation {
            "TransactWriteItems" => list(&body["TransactItems"])
                .flat_map(|item| item.as_object().expect("an item"))
                .map(|(kind, part)| on(&format!("dynamodb:{kind}Item"), name(&part["TableName"])))
                .collect(),
            "BatchGetItem" | "BatchWriteItem" => body["RequestItems"]
                .as_object()
                .expect("tables")
                .keys()
                .map(|table| on(&format!("dynamodb:{operation}"), table))
                .collect(),
            "SendMessage" | "SendMessageBatch" => {
                vec![on("sqs:SendMessage", queue(&body["QueueUrl"]))]
            }
            "ChangeMessageVisibility" => {
                vec![on("sqs:ChangeMessageVisibility", queue(&body["QueueUrl"]))]
            }
            "PutEvents" => list(&body["Entries"])
                .map(|entry| on("events:PutEvents", name(&entry["EventBusName"])))
                .collect(),
            _ => {
                let table = name(&body["TableName"]);
                let index = body["IndexName"].as_str();
                let resource = index.map(|index| format!("{table}/index/{index}"));
                let resource = resource.as_deref().unwrap_or(table);
                vec![on(&format!("dynamodb:{operation}"), resource)]
            }
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().expect("a list").iter()
}

fn name(value: &Value) -> &str {
    value.as_str().expect("a name")
}

/// The name at the end of a queue's URL.
fn queue(url: &Value) -> &str {
    name(url).rsplit('/').next().expect("a name")
}

impl Wiretap {
    /// Starts all functions with every one of their calls to AWS tapped.
    pub async fn start() -> (Self, Functions) {
        Self::start_with(&[]).await
    }

    /// The same with other values for parameters of the template.
    pub async fn start_with(parameters: &[(&str, &str)]) -> (Self, Functions) {
        let tap = Self::default();
        let mut proxies = BTreeMap::new();
        for binary in FUNCTIONS.iter().map(|function| function.name) {
            for name in TO_AWS {
                let state = (tap.clone(), binary, name, reqwest::Client::new());
                let routes = Router::new().fallback(pass_on).with_state(state);
                let address = serve(routes, free_port().await);
                proxies.insert((binary, name), address);
            }
        }
        let behind = tap.behind.clone();
        let functions = Functions::start_with(parameters, move |binary, variables| {
            for ((_, name), proxy) in proxies.iter().filter(|((of, _), _)| *of == binary) {
                let address = variables.get_mut(*name).expect("each function has it");
                let address = std::mem::replace(address, proxy.clone());
                let place = (binary.to_owned(), (*name).to_owned());
                behind
                    .lock()
                    .expect("no test panicked in it")
                    .insert(place, address);
            }
        })
        .await;
        (tap, functions)
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no test panicked in it").clone()
    }

    /// From now on the wallet is down, or well, for poll-status.
    pub fn wallet_is_down(&self, is_down: bool) {
        self.wallet_is_down.store(is_down, Ordering::SeqCst);
    }

    /// The next places on a status list that are drawn are another credential's: eight in a row make a list full.
    pub fn places_are_taken(&self, places: usize) {
        self.places_taken.store(places, Ordering::SeqCst);
    }

    /// How often poll-status has asked the bundled wallet so far: by its table.
    pub fn questions(&self) -> usize {
        let is_question = |call: &&Call| call.function == "poll-status" && call.asks_wallet();
        self.calls().iter().filter(is_question).count()
    }

    /// What a function needed a policy for so far.
    pub fn permissions_of(&self, binary: &str) -> BTreeSet<Permission> {
        let calls = self.calls();
        calls
            .iter()
            .filter(|call| call.function == binary)
            .flat_map(Call::permissions)
            .collect()
    }

    /// Waits until a function has made a call that needs this.
    pub async fn until_called(&self, binary: &str, action: &str, resource: &str) {
        let permission = (action.to_owned(), resource.to_owned());
        let is_made = async || {
            let made = self.permissions_of(binary).contains(&permission);
            made.then_some(())
        };
        eventually(
            &format!("{binary}: {action} on {resource}"),
            PATIENCE,
            is_made,
        )
        .await;
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
    let body = axum::body::to_bytes(body, 16 << 20).await.expect("a body");
    if let Some(target) = head.headers.get("x-amz-target") {
        let (_, operation) = target
            .to_str()
            .expect("ASCII")
            .split_once('.')
            .expect("an operation");
        let call = Call {
            function: binary,
            operation: operation.to_owned(),
            body: serde_json::from_slice(&body).expect("JSON"),
        };
        let is_down = binary == "poll-status" && tap.wallet_is_down.load(Ordering::SeqCst);
        if is_down && call.asks_wallet() {
            return answer(StatusCode::SERVICE_UNAVAILABLE, Vec::new());
        }
        let draws = call.operation == "TransactWriteItems" && binary.starts_with("start-");
        tap.calls.lock().expect("no test panicked in it").push(call);
        let one_less = |left: usize| left.checked_sub(1);
        let (set, read) = (Ordering::SeqCst, Ordering::SeqCst);
        if draws && tap.places_taken.fetch_update(set, read, one_less).is_ok() {
            return answer(StatusCode::BAD_REQUEST, PLACE_IS_TAKEN.into());
        }
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
