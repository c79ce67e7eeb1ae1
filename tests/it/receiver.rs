//! Someone who takes callbacks.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;

use crate::function_host::{free_port, serve};

/// A server that takes every JSON body.
pub struct Receiver {
    /// Where it takes them.
    pub url: String,
    received: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&received);
        let take = post(move |axum::Json(body): axum::Json<Value>| async move {
            into.lock().expect("no test panicked in it").push(body);
            StatusCode::NO_CONTENT
        });
        let routes = Router::new().route("/hook", take);
        let address = serve(routes, free_port().await);
        Self {
            url: format!("{address}/hook"),
            received,
        }
    }

    /// What has come so far, in order.
    pub fn received(&self) -> Vec<Value> {
        self.received
            .lock()
            .expect("no test panicked in it")
            .clone()
    }
}
