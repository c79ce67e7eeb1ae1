//! `template.yaml` against the code: environment, routes and permissions (invariant 10).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};
use serde_yaml_ng::Value as Yaml;

use crate::answer::Answer;
use crate::backend::{Backend, badge, iban, unique};
use crate::cloud;
use crate::function_host::{Functions, free_port, serve};
use crate::wallet_client::WalletClient;

#[tokio::test]
async fn each_function_reads_exactly_the_variables_that_the_template_sets() {
    let running = &cloud::shared().running;
    let lambdas_own = running.aws_environment();
    for binary in running.function_names() {
        let set: BTreeSet<_> = running
            .function_environment(binary)
            .expect("it has one")
            .keys()
            .filter(|name| !lambdas_own.contains_key(*name))
            .cloned()
            .collect();
        let read: BTreeSet<_> = running
            .names_read(binary)
            .into_iter()
            .filter(|name| !name.starts_with("AWS_"))
            .collect();
        assert_eq!(
            read, set,
            "{binary}: what the code reads (left), what template.yaml sets (right)"
        );
    }
}

#[tokio::test]
async fn every_route_of_the_template_is_answered_by_its_function() {
    let cloud = cloud::shared();
    let backend = cloud.backend();
    assert!(cloud.running.routes().len() >= 15);
    for route in cloud.running.routes() {
        let path = route
            .path
            .replace("{revocation_uuid}", "0e2c1f62-3392-462e-a25e-483fa0e2a3a3");
        let path = path.replace('{', "").replace('}', "");
        let methods: &[&str] = match route.method.as_str() {
            "ANY" => &["GET", "POST", "OPTIONS"],
            method => &[method],
        };
        let mut served = Vec::new();
        for method in methods {
            let answer = Answer::to(backend.request(method, &path)).await;
            // API Gateway's own answer has a message and nothing else.
            assert_ne!(
                answer.body,
                json!({"message": "Not Found"}),
                "{method} {path}"
            );
            assert_ne!(answer.status, 500, "{method} {path}: {}", answer.text());
            let nowhere = answer.text().contains("there is nothing at");
            served.push(answer.status != 405 && !nowhere);
        }
        assert!(
            served.contains(&true),
            "{} {path} is routed and not served",
            route.method
        );
    }
}

#[test]
fn every_route_of_the_watch_router_is_one_of_the_template() {
    let manifest = read("Cargo.toml");
    let template = Template::read();
    for route in template.routes() {
        let (_, path) = route.split_once(' ').expect("a method and a path");
        assert!(
            manifest.contains(&format!("\"{path}\"")),
            "cargo lambda watch has no {path}"
        );
    }
}

#[tokio::test]
async fn each_function_may_make_the_calls_that_it_makes_and_no_more() {
    let calls = Calls::default();
    let addresses = proxies(&calls).await;
    let functions = Functions::start(|binary, variables| {
        for service in ["DYNAMODB", "SQS"] {
            let variable = format!("AWS_ENDPOINT_URL_{service}");
            let real = variables.insert(variable, addresses[&(binary.to_owned(), service)].clone());
            calls
                .targets
                .lock()
                .unwrap()
                .insert((binary.to_owned(), service), real.expect("set"));
        }
    })
    .await;
    exercise(&functions).await;

    let template = Template::read();
    let made = calls.made.lock().unwrap().clone();
    for binary in functions.running.function_names() {
        let (made, allowed) = (
            made.get(binary).cloned().unwrap_or_default(),
            template.actions(binary),
        );
        let mut needed = made.clone();
        // What Lambda's event source does with the function's role, and what is not embedded locally.
        needed.extend(
            allowed
                .iter()
                .filter(|action| is_not_seen_here(binary, action))
                .cloned(),
        );
        let denied: Vec<_> = needed.difference(&allowed).collect();
        assert!(
            denied.is_empty(),
            "{binary} calls {denied:?}, and its policy does not allow that"
        );
        let unused: Vec<_> = allowed.difference(&needed).collect();
        assert!(
            unused.is_empty(),
            "{binary} may call {unused:?}, and never does"
        );
    }
}

/// Calls that no proxy sees: the event source's own, and those to services that are not embedded.
fn is_not_seen_here(binary: &str, action: &str) -> bool {
    let of_event_source = [
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ];
    (binary == "poll-status" && of_event_source.contains(&action)) || action.starts_with("kms:")
}

/// Everything that makes a function call AWS.
async fn exercise(functions: &Functions) {
    let backend = &functions.backend;
    let id = unique("exercise");
    let mut body = iban(&id);
    body["tx_code"] = json!({});
    let started = backend.start(&body).await.expect(201);
    backend.start(&body).await.expect(201);
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
    for status in ["suspended", "valid", "revoked"] {
        backend
            .set_credential_status(uuid, status)
            .await
            .expect(200);
        let (list, _) = crate::status_list::status_reference(&taken.credential);
        Answer::to(backend.http.get(list)).await.expect(200);
    }
    backend.credential_status(uuid).await.expect(200);
    backend.start(&badge(&unique("badge"))).await.expect(201);
    refuse_and_fail(backend).await;
}

/// A start that the wallet refuses is withdrawn.
async fn refuse_and_fail(backend: &Backend) {
    let mut rejected = iban(&unique("rejected"));
    rejected["claims"] = json!({});
    backend.start(&rejected).await.expect(422);
}

/// The AWS actions that each function used, and where its calls are to go.
#[derive(Clone, Default)]
struct Calls {
    made: Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>,
    targets: Arc<Mutex<BTreeMap<(String, &'static str), String>>>,
}

/// One proxy for each function and service, which notes what passes through it.
async fn proxies(calls: &Calls) -> BTreeMap<(String, &'static str), String> {
    let mut addresses = BTreeMap::new();
    for binary in [
        "start-issue",
        "get-status",
        "poll-status",
        "set-credential-status",
        "wallet",
    ] {
        for service in ["DYNAMODB", "SQS"] {
            let state = (calls.clone(), binary, service, reqwest::Client::new());
            let address = serve(
                Router::new().fallback(pass_on).with_state(state),
                free_port().await,
            );
            addresses.insert((binary.to_owned(), service), address);
        }
    }
    addresses
}

async fn pass_on(
    State((calls, binary, service, http)): State<(
        Calls,
        &'static str,
        &'static str,
        reqwest::Client,
    )>,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 16 << 20).await.expect("a body");
    let target = head.headers["x-amz-target"]
        .to_str()
        .expect("ASCII")
        .to_owned();
    let (_, operation) = target.split_once('.').expect("service and operation");
    let json: Value = serde_json::from_slice(&body).expect("JSON");
    calls
        .made
        .lock()
        .unwrap()
        .entry(binary.to_owned())
        .or_default()
        .extend(actions(operation, &json));

    let real = calls.targets.lock().unwrap()[&(binary.to_owned(), service)].clone();
    let mut passed = http.post(format!("{real}/")).body(body);
    for (name, value) in head
        .headers
        .iter()
        .filter(|(name, _)| *name != "host" && *name != "content-length")
    {
        passed = passed.header(name, value);
    }
    let answer = passed.send().await.expect("the embedded service answers");
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    let headers = answer.headers().clone();
    let mut response = Response::new(Body::from(answer.bytes().await.expect("a body")));
    *response.status_mut() = status;
    for (name, value) in headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-amz") || *name == "content-type")
    {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

/// The IAM actions of a call: a transaction needs those of its parts.
fn actions(operation: &str, body: &Value) -> Vec<String> {
    let of = |name: &str| format!("dynamodb:{name}");
    match operation {
        "TransactWriteItems" => body["TransactItems"]
            .as_array()
            .expect("items")
            .iter()
            .flat_map(|item| item.as_object().expect("an item").keys())
            .map(|kind| match kind.as_str() {
                "ConditionCheck" => of("ConditionCheckItem"),
                kind => of(&format!("{kind}Item")),
            })
            .collect(),
        "SendMessage" | "SendMessageBatch" => vec!["sqs:SendMessage".to_owned()],
        "ReceiveMessage" | "ChangeMessageVisibility" | "DeleteMessage" => {
            vec![format!("sqs:{operation}")]
        }
        _ => vec![of(operation)],
    }
}

/// The deployment's template.
struct Template(Yaml);

impl Template {
    fn read() -> Self {
        Self(serde_yaml_ng::from_str(&read("template.yaml")).expect("YAML"))
    }

    fn resources(&self, kind: &str) -> impl Iterator<Item = &Yaml> {
        self.0["Resources"]
            .as_mapping()
            .expect("resources")
            .values()
            .filter(move |resource| resource["Type"].as_str() == Some(kind))
    }

    fn routes(&self) -> Vec<String> {
        self.resources("AWS::ApiGatewayV2::Route")
            .map(|route| {
                route["Properties"]["RouteKey"]
                    .as_str()
                    .expect("a key")
                    .to_owned()
            })
            .collect()
    }

    /// The actions that the policies of the function with this binary allow.
    fn actions(&self, binary: &str) -> BTreeSet<String> {
        let function = self
            .resources("AWS::Serverless::Function")
            .find(|function| {
                function["Metadata"]["BuildProperties"]["Binary"].as_str() == Some(binary)
            })
            .unwrap_or_else(|| panic!("no function {binary}"));
        let mut actions = BTreeSet::new();
        collect_actions(&function["Properties"]["Policies"], &mut actions);
        actions
    }
}

/// Every `Action` below, whatever conditions stand in between.
fn collect_actions(value: &Yaml, actions: &mut BTreeSet<String>) {
    match value {
        Yaml::Mapping(members) => {
            for (name, member) in members {
                match (name.as_str(), member) {
                    (Some("Action"), Yaml::String(action)) => drop(actions.insert(action.clone())),
                    (Some("Action"), Yaml::Sequence(several)) => actions.extend(
                        several
                            .iter()
                            .map(|action| action.as_str().expect("an action").to_owned()),
                    ),
                    _ => collect_actions(member, actions),
                }
            }
        }
        Yaml::Sequence(items) => items.iter().for_each(|item| collect_actions(item, actions)),
        Yaml::Tagged(tagged) => collect_actions(&tagged.value, actions),
        _ => {}
    }
}

/// A file of the workspace's root.
fn read(name: &str) -> String {
    let path: std::path::PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", name].iter().collect();
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}
