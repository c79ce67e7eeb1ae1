//! An external wallet of the worst kind: whatever it answers repeats what it was sent, key and all.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::json;

use crate::function_host::{free_port, serve};

/// What the backend is configured with, and what the wallet gives it.
pub const ECHOED_KEY: &str = "MarkedExternalKeyBv3Nt6Rc";
pub const ECHOED_SECRET: &str = "MarkedClientSecretCw4Pu7Sd";
pub const ECHOED_TOKEN: &str = "MarkedClientTokenDx5Qv8Te";

#[derive(Default)]
struct Script {
    start: u16,
    status: u16,
    asked_to_start: usize,
    asked_for_status: usize,
    asked_for_token: usize,
}

/// The wallet. It must be told how to answer; 0 is as the contract has it.
pub struct EchoingWallet {
    pub url: String,
    script: Arc<Mutex<Script>>,
}

impl EchoingWallet {
    pub async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let routes = Router::new().fallback(answer).with_state(script.clone());
        let url = serve(routes, free_port().await);
        Self { url, script }
    }

    pub fn answer_starts_with(&self, status: u16) {
        self.script.lock().expect("nobody panicked").start = status;
    }

    pub fn answer_statuses_with(&self, status: u16) {
        self.script.lock().expect("nobody panicked").status = status;
    }

    pub fn asked_to_start(&self) -> usize {
        self.script.lock().expect("nobody panicked").asked_to_start
    }

    pub fn asked_for_status(&self) -> usize {
        self.script
            .lock()
            .expect("nobody panicked")
            .asked_for_status
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    let body = String::from_utf8_lossy(&body);
    let headers = format!("{:?}", head.headers);
    let path = head.uri.path();
    let mut script = script.lock().expect("nobody panicked");
    let (status, good) = if path == "/token" {
        script.asked_for_token += 1;
        let status = [503, 400, 0][script.asked_for_token.min(3) - 1];
        let token =
            json!({"access_token": ECHOED_TOKEN, "token_type": "Bearer", "expires_in": 3600});
        (status, token)
    } else if head.method == "POST" {
        script.asked_to_start += 1;
        let sent: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let started = json!({
            "correlation_id": sent["correlation_id"],
            "request_uri": "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fwallet.example%2Foffer-MarkedLinkEy6Rw9Uf",
            "status_uri": "https://wallet.example/status",
        });
        (script.start, started)
    } else {
        script.asked_for_status += 1;
        let pending = json!({"status": "issue_request_created"});
        (script.status, pending)
    };
    // A caller's own fault is told to the caller, so it repeats the caller's own words alone.
    let is_relayed = [400, 404, 409, 413, 422].contains(&status);
    let echo = if is_relayed {
        body.to_string()
    } else {
        format!("{headers} {body}")
    };
    let body = match status {
        0 => good,
        _ => json!({
            "status": status, "type": echo, "title": echo, "detail": echo, "message": echo,
            "error": echo, "error_description": echo,
            "errors": [{"pointer": "/claims/iban", "reason": echo}],
        }),
    };
    let mut answer = Response::new(Body::from(body.to_string()));
    let status = if status == 0 { 201 } else { status };
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    let headers = answer.headers_mut();
    headers.insert("content-type", "application/json".parse().expect("a value"));
    if let Ok(echo) = echo.replace('\n', " ").parse() {
        headers.insert("x-echo", echo);
    }
    answer
}
