//! What stands between the functions and everything that they call.
//!
//! Every function has addresses of its own here, `/{function}/{variable}/…`, so it is known who calls; and a
//! function has one process, so it is known which one is to die.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use bestow_local::processes::LambdaFunction;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::call::{Call, aws_call, http_call, trigger};
use crate::fault::Fault;

/// Longer than anybody waits.
const A_MINUTE: Duration = Duration::from_secs(60);
const LARGEST_CALL: usize = 16 << 20;
const TEN_MB: usize = 10 << 20;

/// The proxy of one world.
#[derive(Clone)]
pub struct Proxy {
    shared: Arc<Shared>,
}

struct Shared {
    address: String,
    http: reqwest::Client,
    functions: OnceLock<BTreeMap<String, LambdaFunction>>,
    state: Mutex<ProxyState>,
}

#[derive(Default)]
struct ProxyState {
    /// What is behind each function's addresses.
    behind: HashMap<(String, String), String>,
    calls: Vec<Call>,
    /// The calls of each invocation so far: what, and the SDK's name for the call.
    of_invocation: HashMap<String, Vec<(String, String)>>,
    /// What functions that are not asked by HTTP were invoked with, in the order in which that was seen.
    events: Vec<(String, String, Bytes)>,
    /// The bodies that were sent to queues and buses.
    sent: Vec<String>,
    armed: Option<Armed>,
}

/// What is to be done, and whether it has been.
struct Armed {
    call: Call,
    fault: Fault,
    struck: Vec<String>,
}

/// A call on its way.
struct OnItsWay {
    function: String,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Proxy {
    /// Serves as long as the runtime lives.
    pub async fn start(fault: Option<(Call, Fault)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        let armed = fault.map(|(call, fault)| Armed {
            call,
            fault,
            struck: Vec::new(),
        });
        let proxy = Self {
            shared: Arc::new(Shared {
                address,
                http,
                functions: OnceLock::new(),
                state: Mutex::new(ProxyState {
                    armed,
                    ..ProxyState::default()
                }),
            }),
        };
        let router = Router::new().fallback(handle).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        proxy
    }

    /// The address at which `function` finds what is at `address`.
    pub fn in_front_of(&self, function: &str, name: &str, address: &str) -> String {
        let key = (function.to_owned(), name.to_owned());
        self.state().behind.insert(key, address.to_owned());
        format!("{}/{function}/{name}", self.shared.address)
    }

    /// From here on it is known who works on what.
    pub fn watch(&self, functions: BTreeMap<String, LambdaFunction>) {
        let first = self.shared.functions.set(functions);
        assert!(first.is_ok(), "a proxy watches one cloud");
    }

    /// The calls so far, each once, in the order of their first time.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// What was invoked by events, with what: each invocation once.
    pub fn events(&self) -> Vec<(String, Bytes)> {
        let state = self.state();
        let events = state.events.iter();
        events
            .map(|(function, _, payload)| (function.clone(), payload.clone()))
            .collect()
    }

    /// Everything that was put on a queue or a bus.
    pub fn sent(&self) -> Vec<String> {
        self.state().sent.clone()
    }

    /// Whether the fault struck.
    pub fn has_struck(&self) -> bool {
        let state = self.state();
        state
            .armed
            .as_ref()
            .is_none_or(|armed| !armed.struck.is_empty())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, ProxyState> {
        self.shared.state.lock().expect("nothing panics in it")
    }

    fn function(&self, name: &str) -> Option<&LambdaFunction> {
        self.shared.functions.get()?.get(name)
    }

    /// Notes a call, and says what is to be done to it.
    fn note(&self, call: &OnItsWay, what: String) -> Option<Fault> {
        let under_way = self.function(&call.function).map(LambdaFunction::under_way);
        let under_way = under_way.into_iter().flatten().next();
        let invocation = under_way.as_ref().map_or("", |one| one.request_id.as_str());
        let mut state = self.state();

        // Attempts of the SDK at one call have one id.
        let sdk_id = call.headers.get("amz-sdk-invocation-id");
        let sdk_id = sdk_id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        let key = format!("{}/{invocation}", call.function);
        let before = state.of_invocation.entry(key).or_default();
        let same: Vec<&String> = before
            .iter()
            .filter(|(other, _)| *other == what)
            .map(|(_, id)| id)
            .collect();
        let (nth, id) = match same
            .iter()
            .position(|id| !sdk_id.is_empty() && *id == sdk_id)
        {
            Some(known) => (known + 1, sdk_id.to_owned()),
            None => {
                let nth = same.len() + 1;
                let id = if sdk_id.is_empty() {
                    format!("{invocation} {what} {nth}")
                } else {
                    sdk_id.to_owned()
                };
                before.push((what.clone(), id.clone()));
                (nth, id)
            }
        };
        let noted = Call {
            function: call.function.clone(),
            trigger: trigger(under_way.as_ref()),
            what,
            nth,
        };
        if noted.is_send() || noted.what.starts_with("PutEvents") {
            state
                .sent
                .push(String::from_utf8_lossy(&call.body).into_owned());
        }
        if let Some(one) = under_way.filter(|_| !noted.trigger.contains(" /"))
            && !state.events.iter().any(|(_, id, _)| *id == one.request_id)
        {
            state
                .events
                .push((noted.function.clone(), one.request_id, one.payload));
        }
        if !state.calls.contains(&noted) {
            state.calls.push(noted.clone());
        }

        let armed = state.armed.as_mut().filter(|armed| armed.call == noted)?;
        if armed.struck.contains(&id) {
            return (!armed.fault.is_kill()).then_some(armed.fault);
        }
        if armed.struck.len() >= armed.fault.strikes() {
            return None;
        }
        armed.struck.push(id);
        Some(armed.fault)
    }

    async fn forward(&self, call: OnItsWay) -> Response {
        // In a task of its own: what has left goes on, whoever dies meanwhile.
        let http = self.shared.http.clone();
        let sent = tokio::spawn(async move {
            let mut headers = call.headers;
            headers.remove("host");
            headers.remove("content-length");
            let answer = http
                .request(call.method, call.url)
                .headers(headers)
                .body(call.body);
            let answer = answer.send().await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
        });
        match sent.await.expect("forwarding does not panic") {
            Ok((status, mut headers, body)) => {
                headers.remove("transfer-encoding");
                headers.remove("content-length");
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            }
            Err(fault) => answer(StatusCode::BAD_GATEWAY, fault.to_string()),
        }
    }

    async fn kill(&self, function: &str) -> Response {
        if let Some(function) = self.function(function) {
            function.kill().await;
        }
        answer(StatusCode::BAD_GATEWAY, "nobody is there to read this")
    }
}

async fn handle(State(proxy): State<Proxy>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_CALL).await.expect("a whole body");
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let function = parts.next().unwrap_or_default().to_owned();
    let name = parts.next().unwrap_or_default().to_owned();
    let rest = parts.next().unwrap_or_default();
    let behind = proxy
        .state()
        .behind
        .get(&(function.clone(), name.clone()))
        .cloned();
    let Some(behind) = behind else {
        return answer(StatusCode::NOT_FOUND, format!("nothing is behind {path}"));
    };
    let url = format!("{behind}/{rest}");
    let onward: reqwest::Url = url.parse().expect("a URL");
    let what = aws_call(&head.headers, &body)
        .unwrap_or_else(|| http_call(head.method.as_str(), onward.path()));
    let mut call = OnItsWay {
        function,
        method: head.method,
        url,
        headers: head.headers,
        body,
    };
    let is_aws = call.headers.contains_key("x-amz-target");
    let Some(fault) = proxy.note(&call, what) else {
        return proxy.forward(call).await;
    };
    let function = call.function.clone();
    match fault {
        Fault::KillBefore => proxy.kill(&function).await,
        Fault::KillAfter => {
            proxy.forward(call).await;
            proxy.kill(&function).await
        }
        Fault::Throttled => throttled(&call),
        Fault::Error => failed(is_aws),
        Fault::ErrorAfter => {
            proxy.forward(call).await;
            failed(is_aws)
        }
        Fault::Silence => silence().await,
        Fault::SilenceAfter => {
            proxy.forward(call).await;
            silence().await
        }
        Fault::Busy => with_retry_after(StatusCode::TOO_MANY_REQUESTS),
        Fault::Down => with_retry_after(StatusCode::SERVICE_UNAVAILABLE),
        Fault::Garbage => {
            let response = proxy.forward(call).await;
            replaced(response, |_| b"<html>A proxy is broken</html>".to_vec()).await
        }
        Fault::Truncated => {
            let response = proxy.forward(call).await;
            replaced(response, |body| body[..body.len() / 2].to_vec()).await
        }
        Fault::Huge => {
            let response = proxy.forward(call).await;
            replaced(response, |_| vec![b' '; TEN_MB]).await
        }
        Fault::Redirect => {
            let mut response = answer(StatusCode::FOUND, "");
            let elsewhere = "http://169.254.169.254/latest".parse().expect("a header");
            response.headers_mut().insert("location", elsewhere);
            response
        }
        Fault::Backwards => replaced(proxy.forward(call).await, backwards).await,
        Fault::Twice => {
            let again = OnItsWay {
                function,
                method: call.method.clone(),
                url: call.url.clone(),
                headers: call.headers.clone(),
                body: call.body.clone(),
            };
            proxy.forward(again).await;
            proxy.forward(call).await
        }
        Fault::Late => {
            let mut message: Value = serde_json::from_slice(&call.body).expect("JSON");
            message["DelaySeconds"] = json!(600);
            call.body = message.to_string().into();
            proxy.forward(call).await
        }
    }
}

async fn silence() -> Response {
    tokio::time::sleep(A_MINUTE).await;
    answer(StatusCode::GATEWAY_TIMEOUT, "nobody waits so long")
}

/// As the services of AWS say it. The SDK tries again, and every attempt gets the same answer.
fn throttled(call: &OnItsWay) -> Response {
    let target = call.headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    let service = target.and_then(|target| target.split(['.', '_']).next());
    let kind = match service {
        Some("DynamoDB") => {
            "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
        }
        Some("AmazonSQS") => "com.amazonaws.sqs#RequestThrottled",
        _ => "ThrottlingException",
    };
    aws_error(StatusCode::BAD_REQUEST, kind)
}

fn failed(is_aws: bool) -> Response {
    if is_aws {
        aws_error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError")
    } else {
        answer(StatusCode::INTERNAL_SERVER_ERROR, "{}")
    }
}

fn aws_error(status: StatusCode, kind: &str) -> Response {
    let mut response = answer(
        status,
        json!({"__type": kind, "message": "on purpose"}).to_string(),
    );
    let media_type = "application/x-amz-json-1.0".parse().expect("a header");
    response.headers_mut().insert("content-type", media_type);
    response
}

fn with_retry_after(status: StatusCode) -> Response {
    let mut response = answer(status, "{}");
    response
        .headers_mut()
        .insert("retry-after", "7".parse().expect("a header"));
    response
}

async fn replaced(response: Response, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Response {
    let (head, body) = response.into_parts();
    let body = to_bytes(body, LARGEST_CALL).await.expect("a whole body");
    Response::from_parts(head, Body::from(change(&body)))
}

/// The wallet's answer as it was at the beginning.
fn backwards(body: &[u8]) -> Vec<u8> {
    let mut status: Value = serde_json::from_slice(body).unwrap_or_default();
    if status["status"].is_string() {
        status["status"] = json!("issue_request_created");
        status["stage"] = json!("offer_created");
        status["sequence"] = json!(1);
    }
    status.to_string().into_bytes()
}

fn answer(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}
