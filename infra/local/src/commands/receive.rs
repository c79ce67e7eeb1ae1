//! A receiver of webhooks, to see what is posted, and what Bestow does when a receiver fails.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bestow_webhooks::WebhookSecrets;
use jiff::Timestamp;

use super::console;
use crate::StartError;
use crate::emulators::listeners::listen;
use crate::holder::printable;

/// How far the time of a post may be from ours: what the libraries of Standard Webhooks take.
const TOLERANCE: Duration = Duration::from_secs(300);

struct Receiver {
    secrets: WebhookSecrets,
    /// The status that every post is answered with.
    answer: StatusCode,
}

/// Shows what is posted to `port`, and answers it with a status, until `stop`.
pub(super) async fn run(
    port: u16,
    secret: &str,
    answer: StatusCode,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let secrets = secret.parse().map_err(|fault| StartError::Option {
        flag: "--webhook-secret",
        reason: format!("{fault}"),
    })?;
    let (listener, url) = listen(port, "--port").await?;
    console::print(&format!(
        "Listening. Start an issuance with \"callback\":{{\"url\":\"{url}/hook\"}} in its body. Every post is \
         answered {answer}."
    ));
    let receiver = Arc::new(Receiver { secrets, answer });
    let routes = Router::new().fallback(receive).with_state(receiver);
    axum::serve(listener, routes)
        .with_graceful_shutdown(stop)
        .await
        .map_err(|reason| StartError::Listen {
            port,
            flag: "--port",
            reason,
        })
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let now = Timestamp::now();
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let id = header("webhook-id");
    let verdict = verdict(&receiver.secrets, &header, &body, now);
    let body = match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(json) => format!("{json:#}"),
        Err(_) => String::from_utf8_lossy(&body).into_owned(),
    };
    let body: String = body
        .lines()
        .map(|line| format!("\n     {}", printable(line)))
        .collect();
    console::print(&format!(
        "\n{now:.0}  {verdict}; answered {}\n     webhook-id {}{body}",
        receiver.answer,
        printable(id),
    ));
    receiver.answer
}

/// What a receiver must look at before it believes a post.
fn verdict<'h>(
    secrets: &WebhookSecrets,
    header: &impl Fn(&str) -> &'h str,
    body: &[u8],
    now: Timestamp,
) -> &'static str {
    let Ok(timestamp) = header("webhook-timestamp").parse::<i64>() else {
        return "NOT SIGNED: there is no webhook-timestamp";
    };
    if !secrets.verify(
        header("webhook-id"),
        timestamp,
        body,
        header("webhook-signature"),
    ) {
        return "WRONG SIGNATURE: it was signed with another secret, or changed on its way";
    }
    let signed_at = Timestamp::from_second(timestamp);
    match signed_at.is_ok_and(|at| now.duration_since(at).unsigned_abs() <= TOLERANCE) {
        true => "the signature is right",
        false => "TOO OLD: it was signed more than five minutes ago",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEFAULT_WEBHOOK_SECRET;

    #[test]
    fn a_post_is_believed_only_as_it_was_signed() {
        let secrets: WebhookSecrets = DEFAULT_WEBHOOK_SECRET.parse().unwrap();
        let signature = secrets.sign("id", 1_000, "{}");
        let say = |id: &'static str, timestamp: &'static str, body: &str, now| {
            let header = |name: &str| match name {
                "webhook-id" => id,
                "webhook-timestamp" => timestamp,
                _ => signature.as_str(),
            };
            let now = Timestamp::from_second(now).unwrap();
            verdict(&secrets, &header, body.as_bytes(), now)
        };
        assert_eq!(say("id", "1000", "{}", 1_300), "the signature is right");
        assert!(say("id", "1000", "{}", 1_301).starts_with("TOO OLD"));
        assert!(say("id", "1000", "{ }", 1_000).starts_with("WRONG"));
        assert!(say("other", "1000", "{}", 1_000).starts_with("WRONG"));
        assert!(say("id", "1001", "{}", 1_001).starts_with("WRONG"));
        assert!(say("id", "", "{}", 1_000).starts_with("NOT SIGNED"));
    }
}
