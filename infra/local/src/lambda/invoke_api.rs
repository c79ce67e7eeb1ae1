//! Functions that run elsewhere, behind a Lambda Invoke API.

use std::sync::Arc;

use bestow_functions::Handler;
use futures::FutureExt;
use serde_json::Value;

use crate::template::Function;

/// A handler that posts each event to `{endpoint}/2015-03-31/functions/{name}/invocations`, which is
/// what `cargo lambda watch` serves, and reads the answer.
pub(crate) fn handler(endpoint: &str, function: &Function) -> Handler {
    let url = format!(
        "{endpoint}/2015-03-31/functions/{}/invocations",
        function.binary
    );
    let client = reqwest::Client::new();
    Arc::new(move |event| {
        let (client, url) = (client.clone(), url.clone());
        async move { invoke(&client, &url, &event).await }.boxed()
    })
}

async fn invoke(client: &reqwest::Client, url: &str, event: &Value) -> Result<Value, String> {
    let response = client.post(url).json(event).send().await.map_err(|fault| {
        format!("{url} cannot be reached ({fault}); is cargo lambda watch running?")
    })?;
    let status = response.status();
    // What Lambda says of a function that failed, with 200.
    let function_error = response.headers().contains_key("x-amz-function-error");
    if !status.is_success() || function_error {
        return Err(format!("{url} answered {status}, the invocation failed"));
    }
    response
        .json()
        .await
        .map_err(|fault| format!("{url} answered what is no JSON ({fault})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::extract::Path;
    use axum::routing::post;
    use serde_json::json;
    use std::collections::BTreeMap;
    use std::time::Duration;

    /// An Invoke API whose functions answer as their names say.
    async fn invoke_api() -> String {
        let answer = async |Path(name): Path<String>, axum::Json(event): axum::Json<Value>| {
            let failed = &event["Records"][0]["messageId"];
            match name.as_str() {
                "fails" => Err([("x-amz-function-error", "Unhandled")]),
                _ => Ok(axum::Json(
                    json!({"batchItemFailures": [{"itemIdentifier": failed}]}),
                )),
            }
        };
        let routes = Router::new().route("/2015-03-31/functions/{name}/invocations", post(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        endpoint
    }

    async fn invoke(endpoint: &str, binary: &str) -> Result<Value, String> {
        let function = Function {
            logical_id: "Function".to_owned(),
            binary: binary.to_owned(),
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(5),
            memory_mb: 128,
        };
        let event = json!({"Records": [{"messageId": "1", "body": "x"}]});
        handler(endpoint, &function)(event).await
    }

    #[tokio::test]
    async fn an_event_is_posted_and_the_answer_read() {
        let endpoint = invoke_api().await;
        let response = invoke(&endpoint, "poll-status").await.unwrap();
        assert_eq!(response["batchItemFailures"][0]["itemIdentifier"], "1");
    }

    #[tokio::test]
    async fn an_invocation_that_failed_is_told() {
        let endpoint = invoke_api().await;
        let fault = invoke(&endpoint, "fails").await.unwrap_err();
        assert!(fault.contains("/fails/invocations"), "{fault}");
        let fault = invoke("http://127.0.0.1:1", "poll-status")
            .await
            .unwrap_err();
        assert!(fault.contains("cargo lambda watch"), "{fault}");
    }
}
