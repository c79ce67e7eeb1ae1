//! Who wants to be told by webhooks: remembers every post, and takes it unless it is told not to.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;

/// A receiver. Clones are the same one.
#[derive(Clone, Default)]
pub struct Receiver {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    posts: Vec<Post>,
    /// `200` unless something else is said.
    answer: StatusCode,
}

/// What was posted.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// `webhook-id`, which a receiver tells repeats by.
    pub id: String,
    pub body: Value,
}

impl Receiver {
    /// Serves as long as the runtime lives, and gives its address.
    pub async fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let receiver = Self::default();
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, address)
    }

    /// Everything that was posted so far.
    pub fn posts(&self) -> Vec<Post> {
        self.state().posts.clone()
    }

    /// What every post is answered with from now on.
    pub fn answer_with(&self, answer: StatusCode) {
        self.state().answer = answer;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics in it")
    }
}

async fn take(receiver: extract::State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    let post = Post {
        id: id.unwrap_or_default().to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let mut state = receiver.state();
    state.posts.push(post);
    state.answer
}
