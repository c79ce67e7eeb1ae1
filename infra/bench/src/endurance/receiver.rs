//! Whoever is told of a part of the issuances.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::Failure;

/// The issuances whose end was posted, by their correlation ids.
type Ended = Arc<Mutex<BTreeSet<String>>>;

/// Takes every webhook.
pub(crate) struct Receiver {
    /// Where it is posted to.
    pub(crate) url: String,
    ended: Ended,
}

impl Receiver {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let ended = Ended::default();
        let routes = Router::new().fallback(take).with_state(Arc::clone(&ended));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { url, ended })
    }

    pub(crate) fn knows_the_end_of(&self, correlation_id: &str) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.contains(correlation_id)
    }
}

async fn take(State(ended): State<Ended>, body: Bytes) -> StatusCode {
    let Ok(told) = serde_json::from_slice::<Value>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let of = |member: &str| told.get(member).and_then(Value::as_str);
    if let (Some(id), Some("issue_completed" | "error")) = (of("correlation_id"), of("status")) {
        let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.insert(id.to_owned());
    }
    StatusCode::NO_CONTENT
}
