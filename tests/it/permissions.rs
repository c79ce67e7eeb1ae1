//! The policies of `template.yaml` against the calls that the functions make (invariant 10).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::backend::{PATIENCE, badge, iban, unique};
use crate::eventually::eventually;
use crate::function_host::{Functions, free_port, serve};
use crate::status_list::status_reference;
use crate::template::Template;
use crate::wallet_client::WalletClient;

#[tokio::test]
async fn each_function_may_make_the_calls_that_it_makes_and_no_more() {
    let calls = Calls::default();
    let proxies = calls.proxies().await;
    let functions = Functions::start(|binary, variables| {
        for (name, proxy) in &proxies[binary] {
            let behind = variables.insert((*name).to_owned(), proxy.clone());
            calls.put_behind(binary, name, behind);
        }
    })
    .await;
    exercise(&functions, &calls).await;

    let template = Template::read();
    for binary in functions.running.function_names() {
        let allowed = template.actions(binary);
        let mut needed = calls.made_by(binary);
        needed.extend(
            allowed
                .iter()
                .filter(|action| is_not_seen_here(binary, action))
                .cloned(),
        );
        let denied: Vec<_> = needed.difference(&allowed).collect();
        assert!(
            denied.is_empty(),
            "{binary} calls {denied:?}, which its policy does not allow"
        );
        let unused: Vec<_> = allowed.difference(&needed).collect();
        assert!(
            unused.is_empty(),
            "{binary} may call {unused:?}, and never does"
        );
    }
}

/// What Lambda's event source does with the function's role, and what is not embedded locally.
fn is_not_seen_here(binary: &str, action: &str) -> bool {
    let of_event_source = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ];
    (binary == "poll-status" && of_event_source.contains(&action)) || action.starts_with("kms:")
}

/// Everything that makes a function call AWS.
async fn exercise(functions: &Functions, calls: &Calls) {
    let backend = &functions.backend;
    // A start that is repeated, one without a status list, one that the wallet refuses.
    let id = unique("exercise");
    let mut body = iban(&id);
    body["tx_code"] = json!({});
    let started = backend.start(&body).await.expect(201);
    backend.start(&body).await.expect(201);
    backend.start(&badge(&unique("badge"))).await.expect(201);
    let mut rejected = iban(&unique("rejected"));
    rejected["claims"] = json!({});
    backend.start(&rejected).await.expect(422);

    // A poll that finds a pending issuance, and one whose wallet fails.
    let poll = |id: &str| json!({"correlation_id": id, "attempt": 0}).to_string();
    functions.aws().send(&poll(&id), 0).await;
    let unlucky = unique(UNLUCKY);
    backend.start(&iban(&unlucky)).await.expect(201);
    functions.aws().send(&poll(&unlucky), 0).await;
    for action in ["sqs:SendMessage", "sqs:ChangeMessageVisibility"] {
        let is_made = async || calls.made_by("poll-status").contains(action).then_some(());
        eventually(action, PATIENCE, is_made).await;
    }

    // A wallet that takes its credential and reports it; every status.
    let wallet = WalletClient::new();
    let offer = wallet.read_offer(started.str("request_uri")).await;
    wallet.token(&offer, Some("not-it")).await.expect(400);
    let token = wallet
        .token(&offer, Some(started.str("tx_code")))
        .await
        .expect(200);
    let taken = wallet
        .take_with_token(offer, token.str("access_token").to_owned())
        .await;
    wallet
        .notify(&taken, "credential_accepted")
        .await
        .expect(204);
    let completed = backend.until_status(&id, "issue_completed").await;
    let uuid = completed["revocation_uuid"].as_str().expect("a UUID");
    let (list, _) = status_reference(&taken.credential);
    for status in ["suspended", "valid", "revoked"] {
        backend
            .set_credential_status(uuid, status)
            .await
            .expect(200);
        Answer::to(backend.http.get(&list)).await.expect(200);
    }
    backend.credential_status(uuid).await.expect(200);
}

/// In a correlation id: the wallet fails when it is asked about that issuance.
const UNLUCKY: &str = "unlucky";

/// The AWS actions that each function used, and what is behind each proxy.
#[derive(Clone, Default)]
struct Calls {
    made: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
    behind: Arc<Mutex<BTreeMap<(String, String), String>>>,
}

/// The proxies of a function, by the variable that leads to them.
type Proxies = BTreeMap<&'static str, BTreeMap<&'static str, String>>;

impl Calls {
    /// Starts a proxy for each address that a function calls, which notes what passes.
    async fn proxies(&self) -> Proxies {
        let mut proxies = Proxies::new();
        for binary in [
            "start-issue",
            "get-status",
            "poll-status",
            "set-credential-status",
            "wallet",
        ] {
            let mut names = vec!["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS"];
            if binary == "poll-status" {
                names.push("WALLET_BASE_URL");
            }
            for name in names {
                let state = (self.clone(), binary, name, reqwest::Client::new());
                let routes = Router::new().fallback(pass_on).with_state(state);
                let address = serve(routes, free_port().await);
                proxies.entry(binary).or_default().insert(name, address);
            }
        }
        proxies
    }

    fn put_behind(&self, binary: &str, name: &str, address: Option<String>) {
        let address = address.unwrap_or_else(|| panic!("{binary} has no {name}"));
        let mut behind = self.behind.lock().expect("no test panicked in it");
        behind.insert((binary.to_owned(), name.to_owned()), address);
    }

    fn behind(&self, binary: &str, name: &str) -> String {
        let behind = self.behind.lock().expect("no test panicked in it");
        behind[&(binary.to_owned(), name.to_owned())].clone()
    }

    fn note(&self, binary: &str, actions: Vec<String>) {
        let mut made = self.made.lock().expect("no test panicked in it");
        made.entry(binary.to_owned()).or_default().extend(actions);
    }

    fn made_by(&self, binary: &str) -> BTreeSet<String> {
        let made = self.made.lock().expect("no test panicked in it");
        made.get(binary).cloned().unwrap_or_default()
    }
}

async fn pass_on(
    State((calls, binary, name, http)): State<(Calls, &'static str, &'static str, reqwest::Client)>,
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
        let request = serde_json::from_slice(&body).expect("JSON");
        calls.note(binary, actions(operation, &request));
    }
    let url = format!("{}{path}", calls.behind(binary, name));
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

/// The IAM actions that a call needs: a transaction needs those of its parts.
fn actions(operation: &str, body: &Value) -> Vec<String> {
    match operation {
        "TransactWriteItems" => body["TransactItems"]
            .as_array()
            .expect("items")
            .iter()
            .flat_map(|item| item.as_object().expect("an item").keys())
            .map(|kind| match kind.as_str() {
                "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                kind => format!("dynamodb:{kind}Item"),
            })
            .collect(),
        "SendMessage" | "ChangeMessageVisibility" => vec![format!("sqs:{operation}")],
        _ => vec![format!("dynamodb:{operation}")],
    }
}
