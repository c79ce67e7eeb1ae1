//! A wallet of the issue contract that is not the bundled one, and a backend in front of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::function_host::{Functions, NOBODY, free_port, serve};
use crate::queues::Queues;
use crate::records::Records;

/// The key that the backend shows to the external wallet.
pub const WALLET_KEY: &str = "external-wallet-key";
/// The token that the external wallet gives for client credentials.
const WALLET_TOKEN: &str = "external-wallet-token";

/// How the external wallet answers a request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// With this status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// Never.
    Hang,
    /// By closing the connection in the middle of the body.
    BreakOff,
    /// With this many bytes.
    Flood(usize),
    /// To Get issue status, with this status as the contract has it.
    Status(&'static str),
}

impl Behaviour {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Answer(
            status,
            vec![("content-type", "application/json".to_owned())],
            body.to_string(),
        )
    }
}

/// What the external wallet is told to do and what it was asked.
#[derive(Debug, Default)]
struct Script {
    start: Option<Behaviour>,
    statuses: Vec<Behaviour>,
    asked: HashMap<&'static str, usize>,
    bodies: Vec<Value>,
}

/// An external wallet, and a backend that is configured to use it.
pub struct ExternalWallet {
    script: Arc<Mutex<Script>>,
    functions: Functions,
    pub backend: Backend,
}

impl ExternalWallet {
    /// Starts both. The wallet accepts every issuance and says that it is pending, until told otherwise.
    pub async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let wallet_url = serve(wallet_routes(script.clone()), free_port().await);
        Self::start_with(script, &wallet_url).await
    }

    /// A backend whose wallet is told where to call back.
    pub async fn start_calling_back() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let wallet_url = serve(wallet_routes(script.clone()), free_port().await);
        let variables = [("WalletApiKey", WALLET_KEY), ("WalletCallbacks", "true")];
        Self::configured(script, &wallet_url, &variables).await
    }

    /// A backend whose wallet's address nobody listens at.
    pub async fn start_unreachable() -> Self {
        Self::start_with(Arc::default(), NOBODY).await
    }

    /// A backend that gets a token for its client credentials first.
    pub async fn start_with_client_credentials() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let wallet_url = serve(wallet_routes(script.clone()), free_port().await);
        let token_url = format!("{wallet_url}/oauth/token");
        let credentials = [
            ("WalletTokenUrl", token_url.as_str()),
            ("WalletClientId", "bestow"),
            ("WalletClientSecret", "client-secret"),
            ("WalletScope", "issue"),
        ];
        Self::configured(script, &wallet_url, &credentials).await
    }

    async fn start_with(script: Arc<Mutex<Script>>, wallet_url: &str) -> Self {
        Self::configured(script, wallet_url, &[("WalletApiKey", WALLET_KEY)]).await
    }

    async fn configured(
        script: Arc<Mutex<Script>>,
        wallet_url: &str,
        settings: &[(&str, &str)],
    ) -> Self {
        let parameters = [&[("WalletBaseUrl", wallet_url)], settings].concat();
        let functions = Functions::start_with(&parameters, |_, _| {}).await;
        let backend = functions.backend.clone();
        Self {
            script,
            functions,
            backend,
        }
    }

    /// From now on Start issue is answered so.
    pub fn on_start(&self, behaviour: Behaviour) {
        self.script().start = Some(behaviour);
    }

    /// From now on Start issue is answered as at first: every issuance is accepted.
    pub fn on_start_accept(&self) {
        self.script().start = None;
    }

    /// From now on Get issue status is answered so, one after the other; the last one stays.
    pub fn on_status(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.script().statuses = behaviours.into_iter().collect();
    }

    /// How often an operation was asked for: `"start"`, `"status"` or `"token"`.
    pub fn asked(&self, operation: &'static str) -> usize {
        self.script()
            .asked
            .get(operation)
            .copied()
            .unwrap_or_default()
    }

    /// The bodies of Start issue that came.
    pub fn started_with(&self) -> Vec<Value> {
        self.script().bodies.clone()
    }

    pub fn running(&self) -> &bestow_local::RunningCloud {
        &self.functions.running
    }

    pub fn queues(&self) -> Queues {
        self.functions.queues()
    }

    pub fn records(&self) -> Records {
        Records::of(&self.functions.running)
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        self.script.lock().expect("no test panicked in it")
    }
}

/// A wallet alone that accepts every issuance and says that it is pending, for those who show [`WALLET_KEY`]: its address.
pub async fn serve_wallet() -> String {
    serve(wallet_routes(Arc::default()), free_port().await)
}

fn wallet_routes(script: Arc<Mutex<Script>>) -> Router {
    Router::new()
        .route("/api/v2/credential/issue", post(start))
        .route("/api/v2/issue/{correlation_id}", get(status))
        .route("/oauth/token", post(token))
        .with_state(script)
}

async fn start(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let behaviour = {
        let mut script = script.lock().expect("no test panicked in it");
        *script.asked.entry("start").or_default() += 1;
        script.bodies.push(body.clone());
        script.start.clone()
    };
    if !is_authorized(&head.headers) {
        return answer(Behaviour::json(401, &json!({"detail": "who are you?"}))).await;
    }
    let accepted = json!({
        "correlation_id": body["correlation_id"],
        "request_uri": "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fwallet.example%2Foffer",
        "status_uri": "https://wallet.example/status"
    });
    answer(behaviour.unwrap_or_else(|| Behaviour::json(201, &accepted))).await
}

/// By the key or by the token, whichever the backend was configured with.
fn is_authorized(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    is("x-api-key", WALLET_KEY) || is("authorization", &format!("Bearer {WALLET_TOKEN}"))
}

/// The client-credentials grant (RFC 6749 §4.4).
async fn token(State(script): State<Arc<Mutex<Script>>>, form: String) -> Response<Body> {
    {
        let mut script = script.lock().expect("no test panicked in it");
        *script.asked.entry("token").or_default() += 1;
    }
    let granted = form.contains("grant_type=client_credentials") && form.contains("scope=issue");
    let token = json!({"access_token": WALLET_TOKEN, "token_type": "Bearer", "expires_in": 3600});
    answer(Behaviour::json(if granted { 200 } else { 400 }, &token)).await
}

async fn status(
    State(script): State<Arc<Mutex<Script>>>,
    Path(correlation_id): Path<String>,
) -> Response<Body> {
    let behaviour = {
        let mut script = script.lock().expect("no test panicked in it");
        *script.asked.entry("status").or_default() += 1;
        if script.statuses.len() > 1 {
            Some(script.statuses.remove(0))
        } else {
            script.statuses.first().cloned()
        }
    };
    let behaviour = match behaviour.unwrap_or(Behaviour::Status("issue_request_created")) {
        Behaviour::Status(status) => {
            let body = json!({"status": status, "correlation_id": correlation_id});
            Behaviour::json(200, &body)
        }
        other => other,
    };
    answer(behaviour).await
}

/// Answers as `behaviour` says.
pub async fn answer(behaviour: Behaviour) -> Response<Body> {
    let respond = |status: u16, body: Body| {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        response
    };
    match behaviour {
        Behaviour::Answer(status, headers, body) => {
            let mut response = respond(status, Body::from(body));
            for (name, value) in headers {
                response
                    .headers_mut()
                    .insert(name, value.parse().expect("a header value"));
            }
            response
        }
        Behaviour::Status(_) => unreachable!("only where the correlation id is known"),
        Behaviour::Hang => std::future::pending().await,
        Behaviour::BreakOff => {
            let broken = futures::stream::iter([
                Ok("{\"status\": \"issue_".to_owned()),
                Err(std::io::Error::other("broken off")),
            ]);
            respond(200, Body::from_stream(broken))
        }
        Behaviour::Flood(bytes) => {
            let chunk = " ".repeat(64 << 10);
            let count = bytes / chunk.len();
            let chunks = (0..count).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
            respond(200, Body::from_stream(futures::stream::iter(chunks)))
        }
    }
}
