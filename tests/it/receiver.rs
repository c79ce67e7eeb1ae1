//! Whoever wants to be told: an address that callbacks are posted to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use serde_json::{Value, json};

use crate::backend::PATIENCE;
use crate::eventually::eventually;
use crate::external_wallet::{Behaviour, answer};
use crate::function_host::{free_port, serve};
use crate::node;

/// The script that verifies with the reference library of Standard Webhooks.
const VERIFIER: &str = "verify-webhook.mjs";

/// Takes what is posted to it, and answers as it is told to.
#[derive(Clone)]
pub struct Receiver {
    /// Where it is posted to.
    pub url: String,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    answers: Vec<Behaviour>,
    posts: Vec<Post>,
}

/// What was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Receiver {
    /// Starts one on a free port, which answers 204 until it is told otherwise.
    pub async fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let routes = Router::new().fallback(take).with_state(script.clone());
        let url = format!("{}/hook", serve(routes, free_port().await));
        Self { url, script }
    }

    /// From now on it answers so, one after the other, and then 204 again.
    pub fn answers(&self, answers: impl IntoIterator<Item = Behaviour>) {
        self.script().answers = answers.into_iter().collect();
    }

    /// What was posted so far.
    pub fn posts(&self) -> Vec<Post> {
        self.script().posts.clone()
    }

    /// Waits for a post that is like this, and gives the first one.
    pub async fn until(&self, what: &str, is_like: impl Fn(&Post) -> bool) -> Post {
        let is_there = async || self.posts().into_iter().find(|post| is_like(post));
        eventually(what, PATIENCE, is_there).await
    }

    /// Waits for a post that announces this status.
    pub async fn until_status(&self, status: &str) -> Post {
        let is_like = |post: &Post| post.status() == status;
        self.until(&format!("{status} is posted"), is_like).await
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no test panicked in it")
    }
}

impl Post {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    pub fn status(&self) -> String {
        self.json()["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// What the reference library says of it, given a secret and a body.
    pub async fn verified_with(&self, secret: &str, body: &str) -> Value {
        let headers = json!(self.headers).to_string();
        node::run(VERIFIER, &[secret, &headers, body]).await
    }

    /// Whether the reference library takes it for one that was signed with this secret.
    pub async fn verifies(&self, secret: &str) -> bool {
        let printed = self.verified_with(secret, &self.body).await;
        printed["payload"] == self.json()
    }
}

/// An answer with this status and no body.
pub fn status(status: u16) -> Behaviour {
    Behaviour::Answer(status, Vec::new(), String::new())
}

async fn take(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = head.headers.iter();
    let post = Post {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let behaviour = {
        let mut script = script.lock().expect("no test panicked in it");
        script.posts.push(post);
        if script.answers.is_empty() {
            status(204)
        } else {
            script.answers.remove(0)
        }
    };
    answer(behaviour).await
}
